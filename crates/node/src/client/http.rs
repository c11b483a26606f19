//! Requests of a client: one connection, one request at a time, answers within limits of size and time.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderValue, Method, Request, Uri, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_rustls::TlsConnector;

use super::answer::{Got, failed, unpacked};
use super::retry::{Next, after};
use crate::error::{NodeError, Result};
use crate::packing::Coding;
use crate::tls;

/// The largest answer, unpacked: what the largest servers send as one page is a tenth of it.
pub(super) const ANSWER_LIMIT_BYTES: usize = 128 * 1024 * 1024;

/// Time to connect, and for one answer: 128 MB at 10 Mbit/s.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
const ANSWER_TIMEOUT: Duration = Duration::from_mins(2);

/// A service that a person waits for is given less of both: what it says is a page of JSON.
const SHORT_LIMIT_BYTES: usize = 1024 * 1024;
const SHORT_TIMEOUT: Duration = Duration::from_secs(10);

/// Times that a server may send a request elsewhere.
const REDIRECTS_LIMIT: usize = 5;

/// By what a client signs in.
#[derive(Clone, Default)]
pub enum Credential {
    /// By nothing, or by the certificate of the connection.
    #[default]
    None,
    /// By a name and a password.
    Basic(String, String),
    /// By a token.
    Bearer(String),
}

impl Credential {
    /// Whose view of a server it gives, as it may be kept and shown.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::None => "nobody",
            Self::Basic(name, _) => name,
            Self::Bearer(_) => "a token",
        }
    }
}

/// A server and how it is asked.
#[derive(Clone, Default)]
pub struct Upstream {
    /// Where to begin: discovery, an API root, or a collection.
    pub url: String,
    /// By what to sign in.
    pub credential: Credential,
    /// Authorities to trust, PEM; without one those of the system.
    pub authorities: Option<PathBuf>,
    /// A certificate and its key, PEM, by which to sign in as well.
    pub certificate: Option<(PathBuf, PathBuf)>,
}

/// A client of one origin.
pub(super) struct Http {
    runtime: Runtime,
    origin: Uri,
    authorization: Option<HeaderValue>,
    tls: Option<Arc<ClientConfig>>,
    sender: Option<SendRequest<Full<Bytes>>>,
    timeout: Duration,
    limit_bytes: usize,
    /// How often a server was asked, again included.
    pub(super) requests: u64,
}

/// Asks an address once, with a form where there is one. No redirect is followed, nothing is asked again, and little is
/// waited for: somebody waits for it.
pub(crate) fn ask_once(upstream: &Upstream, form: Option<String>) -> Result<Got> {
    let mut http = Http::new(upstream)?;
    (http.timeout, http.limit_bytes) = (SHORT_TIMEOUT, SHORT_LIMIT_BYTES);
    let target = http.resolve(&upstream.url)?;
    let request = http.request(&target, "application/json", form)?;
    let got = http.send(request)?;
    unpacked(got, SHORT_LIMIT_BYTES)
}

/// Whether an address is one to which a secret may be sent: over TLS, or to this machine.
pub(crate) fn is_secret(url: &str) -> bool {
    origin(url).is_ok_and(|origin| origin.scheme_str() == Some("https") || is_local(&origin))
}

impl Http {
    pub(super) fn new(upstream: &Upstream) -> Result<Self> {
        let origin = origin(&upstream.url)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| failed(format!("no runtime: {error}")))?;
        let is_tls = origin.scheme_str() == Some("https");
        let certificate = upstream.certificate.as_ref().map(|(own, key)| (own.as_path(), key.as_path()));
        let tls =
            if is_tls { Some(tls::client(upstream.authorities.as_deref(), certificate)?) } else { None };
        let authorization = authorization(&upstream.credential)?;
        if !is_tls && authorization.is_some() && !is_local(&origin) {
            return Err(failed(format!(
                "{origin} is http on the network: the password would go in the clear; use https"
            )));
        }
        let (timeout, limit_bytes) = (ANSWER_TIMEOUT, ANSWER_LIMIT_BYTES);
        Ok(Self { runtime, origin, authorization, tls, sender: None, timeout, limit_bytes, requests: 0 })
    }

    /// The address of the server, without a path.
    pub(super) fn origin(&self) -> String {
        self.origin.to_string().trim_end_matches('/').to_owned()
    }

    /// Gets a path of the origin, or an address on it, asking again where that is worth it.
    pub(super) fn get(&mut self, target: &str, accept: &str) -> Result<Got> {
        let mut target = self.resolve(target)?;
        let (mut redirects, mut attempt) = (0, 0);
        loop {
            self.requests += 1;
            let request = self.request(&target, accept, None)?;
            let answer = self.send(request);
            match after(&answer, attempt) {
                Next::Done => {}
                Next::Again(wait) => {
                    std::thread::sleep(wait);
                    attempt += 1;
                    continue;
                }
            }
            let got = unpacked(answer?, ANSWER_LIMIT_BYTES)?;
            if !got.status.is_redirection() {
                return Ok(got);
            }
            redirects += 1;
            let place = got.header("location").unwrap_or_default().to_owned();
            if redirects > REDIRECTS_LIMIT || place.is_empty() {
                return Err(failed(format!("{target} sends its clients in circles")));
            }
            target = self.resolve(&place)?;
        }
    }

    /// A path and query on the origin. An address elsewhere is refused: the credential is not for it.
    fn resolve(&self, target: &str) -> Result<String> {
        if target.starts_with('/') && !target.starts_with("//") {
            return Ok(target.to_owned());
        }
        let uri: Uri = target.parse().map_err(|_| failed(format!("{target} is no address")))?;
        let same = uri.scheme_str() == self.origin.scheme_str()
            && uri.host() == self.origin.host()
            && port(&uri) == port(&self.origin);
        if !same {
            return Err(failed(format!(
                "{} sends its clients to {target}, which is elsewhere; give that address if it is meant",
                self.origin
            )));
        }
        Ok(uri.path_and_query().map_or("/", |path| path.as_str()).to_owned())
    }

    fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Got> {
        let (timeout, limit_bytes) = (self.timeout, self.limit_bytes);
        let kept = self.sender.take().filter(|sender| !sender.is_closed());
        let (origin, tls) = (self.origin.clone(), self.tls.clone());
        let (got, sender) = self.runtime.block_on(async move {
            let mut sender = match kept {
                Some(sender) => sender,
                None => tokio::time::timeout(CONNECT_TIMEOUT.min(timeout), connect(&origin, tls))
                    .await
                    .map_err(|_| failed(format!("{origin} does not answer")))??,
            };
            let got = tokio::time::timeout(timeout, exchange(&mut sender, request, limit_bytes))
                .await
                .map_err(|_| failed(format!("{origin} takes too long to answer")))??;
            Ok::<_, NodeError>((got, sender))
        })?;
        self.sender = Some(sender);
        Ok(got)
    }

    fn request(&self, target: &str, accept: &str, form: Option<String>) -> Result<Request<Full<Bytes>>> {
        let authority = self.origin.authority().map_or("", |authority| authority.as_str());
        let mut request = Request::builder()
            .method(if form.is_some() { Method::POST } else { Method::GET })
            .uri(target)
            .header(header::HOST, authority)
            .header(header::ACCEPT, accept)
            .header(header::ACCEPT_ENCODING, Coding::ACCEPTED)
            .header(header::USER_AGENT, concat!("watchfire/", env!("CARGO_PKG_VERSION")));
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        if form.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        let body = Full::from(form.unwrap_or_default());
        request.body(body).map_err(|_| failed(format!("{target} is no path")))
    }
}

/// The address without what is not part of the origin, so that no credential in it is ever shown.
fn origin(url: &str) -> Result<Uri> {
    let uri: Uri = url.parse().map_err(|_| failed("the address cannot be read; it is https://host/path/"))?;
    let (Some(scheme @ ("http" | "https")), Some(host)) = (uri.scheme_str(), uri.host()) else {
        return Err(failed("the address is not https://host/path/"));
    };
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err(failed("a name and a password are given beside the address, not in it"));
    }
    let port = uri.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{scheme}://{host}{port}").parse().map_err(|_| failed("the address cannot be read"))
}

fn port(uri: &Uri) -> u16 {
    uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 })
}

fn is_local(origin: &Uri) -> bool {
    let host = origin.host().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

fn authorization(credential: &Credential) -> Result<Option<HeaderValue>> {
    let text = match credential {
        Credential::None => return Ok(None),
        Credential::Basic(name, password) => {
            format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
        }
        Credential::Bearer(token) => format!("Bearer {token}"),
    };
    let mut value =
        HeaderValue::from_str(&text).map_err(|_| failed("the token cannot be sent in a header"))?;
    value.set_sensitive(true);
    Ok(Some(value))
}

async fn connect(origin: &Uri, tls: Option<Arc<ClientConfig>>) -> Result<SendRequest<Full<Bytes>>> {
    let host = origin.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let unreachable = |error: std::io::Error| failed(format!("{origin} cannot be reached: {error}"));
    let stream = TcpStream::connect((host.as_str(), port(origin))).await.map_err(unreachable)?;
    let _ = stream.set_nodelay(true);
    match tls {
        None => speak(TokioIo::new(stream)).await,
        Some(config) => {
            let name = ServerName::try_from(host).map_err(|_| failed("the host has no name for TLS"))?;
            let stream = TlsConnector::from(config).connect(name, stream).await;
            let refused = |error| NodeError::Certificate {
                reason: format!("{origin} cannot be trusted, or does not trust ours: {error}"),
            };
            speak(TokioIo::new(stream.map_err(refused)?)).await
        }
    }
}

async fn speak<I>(io: I) -> Result<SendRequest<Full<Bytes>>>
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (sender, connection) = http1::handshake(io).await.map_err(|error| failed(error.to_string()))?;
    // It ends with the sender.
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}

async fn exchange(
    sender: &mut SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
    limit_bytes: usize,
) -> Result<Got> {
    sender.ready().await.map_err(|error| failed(format!("the connection broke off: {error}")))?;
    let response = sender
        .send_request(request)
        .await
        .map_err(|error| failed(format!("the server broke off: {error}")))?;
    let (parts, body) = response.into_parts();
    let body: Incoming = body;
    let body = Limited::new(body, limit_bytes)
        .collect()
        .await
        .map_err(|error| failed(format!("the answer broke off or is too large: {error}")))?;
    Ok(Got { status: parts.status, headers: parts.headers, body: body.to_bytes().to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert_eq!(origin("https://a.example:8443/taxii2/?x=1").unwrap(), "https://a.example:8443/");
        for wrong in ["", "a.example", "ftp://a.example/", "https://", "/taxii2/"] {
            assert!(origin(wrong).is_err(), "{wrong}");
        }
        let shown = origin("https://ben:secret@a.example/").unwrap_err().to_string();
        assert!(!shown.contains("secret"), "{shown}");
    }

    #[test]
    fn a_credential_stays_with_its_origin() {
        let upstream = Upstream { url: "http://127.0.0.1:6100/taxii2/".to_owned(), ..Upstream::default() };
        let http = Http::new(&upstream).unwrap();
        assert_eq!(http.resolve("/a/?b=1").unwrap(), "/a/?b=1");
        assert_eq!(http.resolve("http://127.0.0.1:6100/a/").unwrap(), "/a/");
        for elsewhere in
            ["http://127.0.0.1:6101/", "https://127.0.0.1:6100/", "http://evil.example/", "//evil/"]
        {
            assert!(http.resolve(elsewhere).is_err(), "{elsewhere}");
        }
        let credential = Credential::Basic("ben".to_owned(), "secret".to_owned());
        let clear = Upstream { url: "http://a.example/".to_owned(), credential, ..Upstream::default() };
        assert!(Http::new(&clear).err().unwrap().to_string().contains("in the clear"));
    }
}
