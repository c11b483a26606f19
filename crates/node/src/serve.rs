//! Connections: accepted within limits of number and time, one task each, ended gracefully.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Uri};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;
use watchfire_store::Store;

use crate::config::Config;
use crate::error::{NodeError, Result};
use crate::log::{Level, log, write_as};
use crate::node::Node;
use crate::patience::Patient;
use crate::peer::Peer;
use crate::places::{Places, State};
use crate::{pages, taxii, tls};

/// Connections at the same time. Each costs some 20 KB; for what comes beyond, those that have waited longest for a request
/// are let go.
const CONNECTIONS_LIMIT: usize = 10_000;

/// Connections that the system takes before the node does. Of a crowd that comes at once it drops what is beyond, and whoever
/// is dropped asks again after one second, three, seven, fifteen. The system's own limit, mostly 4,096, holds as well.
const BACKLOG: u32 = 4096;

/// Time for a TLS handshake, and for the headers of a request, idle time between requests included.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
const HEADERS_TIMEOUT: Duration = Duration::from_secs(30);

/// A client that takes nothing of its answer for so long is let go, and what it holds with it.
const READER_TIMEOUT: Duration = Duration::from_secs(30);

/// The line and headers of a request. A filter of a thousand ids has 50 KB.
const HEADERS_LIMIT_BYTES: usize = 128 * 1024;

/// Requests that work in the store at the same time; more wait their turn.
const WORKERS: usize = 64;

/// Bodies that are taken at the same time, by threads of their own. A file has one writer: while it writes, the next body
/// can be read. Each thread keeps the memory of its largest body, some 60 MB for 10,000 objects, and whoever reads does
/// not wait behind those who write.
const ADDERS_TO_A_FILE: usize = 2;
const ADDERS_TO_A_SERVER: usize = 8;

/// Time for requests under way when the node stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// How often a node does what is due now and then.
const SWEEP_EVERY: Duration = Duration::from_hours(1);

/// How often it looks for embargoes that have ended: a joint statement is waited for by the second.
const EMBARGOES_EVERY: Duration = Duration::from_secs(2);

/// A node that listens.
pub struct Serving {
    /// The address on which it does.
    pub address: SocketAddr,
    /// The address of its discovery.
    pub url: String,
}

/// Serves until a signal ends it. `on_ready` is told where, once requests are answered.
pub fn serve(config: Config, on_ready: impl FnOnce(&Serving)) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(WORKERS)
        .build()
        .map_err(|source| NodeError::Listen { address: config.listen.clone(), source })?;
    write_as(config.log.format);
    let acceptor = tls::acceptor(&config)?;
    let adders_at_once = if Store::is_server(&config.store) { ADDERS_TO_A_SERVER } else { ADDERS_TO_A_FILE };
    let adders = tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(adders_at_once)
        .build()
        .map_err(|source| NodeError::Listen { address: config.listen.clone(), source })?;
    let node = Arc::new(Node::open(config, adders.handle().clone())?);
    let swept = Arc::clone(&node);
    runtime.block_on(async move {
        let listener = listen(&node.config, acceptor.is_some()).await?;
        let address = listener
            .local_addr()
            .map_err(|source| NodeError::Listen { address: node.config.listen.clone(), source })?;
        let scheme = if acceptor.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{address}/taxii2/");
        let fields = [
            ("url", url.as_str().into()),
            ("organisation", node.config.organisation.as_str().into()),
            ("version", env!("CARGO_PKG_VERSION").into()),
        ];
        log(Level::Info, "started", &fields);
        on_ready(&Serving { address, url });
        tokio::spawn(sweep(Arc::clone(&swept)));
        tokio::spawn(end_embargoes(swept));
        accept(&node, &listener, acceptor).await;
        Ok(())
    })
}

async fn listen(config: &Config, tls: bool) -> Result<TcpListener> {
    let address = config.listen.clone();
    let failed = |source| NodeError::Listen { address: address.clone(), source };
    let listener = bind(&config.listen).await.map_err(failed)?;
    let is_local = listener.local_addr().is_ok_and(|bound| is_loopback(bound.ip()));
    if !tls && !is_local && !config.plain_http_on_the_network {
        return Err(NodeError::Asked(format!(
            "{address} is on the network and there is no [tls]: passwords and objects would go in the clear; \
             set [tls], or plain_http_on_the_network = true behind something that adds TLS"
        )));
    }
    Ok(listener)
}

/// Listens on the first address of a name that can be had.
async fn bind(name: &str) -> io::Result<TcpListener> {
    let mut refused = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in tokio::net::lookup_host(name).await? {
        match listen_on(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

fn listen_on(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A node that starts again does not wait for the connections of the one before.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn is_loopback(address: IpAddr) -> bool {
    address.is_loopback()
}

async fn sweep(node: Arc<Node>) {
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        let node = Arc::clone(&node);
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || node.sweep()).await {
            log(Level::Error, "housekeeping.failed", &[("error", error.to_string().into())]);
        }
    }
}

async fn end_embargoes(node: Arc<Node>) {
    loop {
        tokio::time::sleep(EMBARGOES_EVERY).await;
        let node = Arc::clone(&node);
        match tokio::task::spawn_blocking(move || node.end_embargoes()).await {
            Ok(Ok(0)) | Err(_) => {}
            Ok(Ok(renewed)) => log(Level::Info, "embargoes.ended", &[("objects", renewed.into())]),
            Ok(Err(error)) => log(Level::Error, "embargoes.failed", &[("error", error.to_string().into())]),
        }
    }
}

async fn accept(node: &Arc<Node>, listener: &TcpListener, acceptor: Option<TlsAcceptor>) {
    let router = taxii::router(node).merge(pages::router(node));
    let graceful = GracefulShutdown::new();
    let places = Places::new(CONNECTIONS_LIMIT);
    let mut stop = Box::pin(stopped());
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, mostly: those that end make room.
                    log(Level::Error, "accept.failed", &[("error", error.to_string().into())]);
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
            () = &mut stop => break,
        };
        let place = tokio::select! {
            place = places.take() => place,
            () = &mut stop => break,
        };
        let Some(place) = place else { break };
        node.metrics.count_connection();
        let (router, watcher, acceptor) = (router.clone(), graceful.watcher(), acceptor.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = connection(stream, peer, router, watcher, acceptor, &place.state) => {}
                () = place.state.wanted() => {}
            }
        });
    }
    // No new connections; requests under way are finished.
    log(Level::Info, "stopping", &[]);
    let _ = tokio::time::timeout(STOP_TIMEOUT, graceful.shutdown()).await;
}

/// A signal to stop.
async fn stopped() {
    let (Ok(mut term), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await;
    };
    tokio::select! { _ = term.recv() => {}, _ = interrupt.recv() => {} }
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    watcher: Watcher,
    acceptor: Option<TlsAcceptor>,
    state: &Arc<State>,
) {
    // An answer is written at once; waiting for more of it only delays.
    let _ = stream.set_nodelay(true);
    let address = peer.ip();
    match acceptor {
        None => {
            speak(TokioIo::new(stream), Peer { address, certificate: None }, router, watcher, state).await;
        }
        Some(acceptor) => {
            // Whoever does not finish a handshake is no client.
            if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
                let chain = stream.get_ref().1.peer_certificates();
                let certificate = chain.and_then(<[_]>::first).map(|first| tls::fingerprint(first));
                speak(TokioIo::new(stream), Peer { address, certificate }, router, watcher, state).await;
            }
        }
    }
}

async fn speak<I>(io: I, peer: Peer, router: Router, watcher: Watcher, state: &Arc<State>)
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let (router, peer, state) = (router.clone(), peer.clone(), Arc::clone(state));
        async move {
            state.begin();
            let answer = router.oneshot(arrived(request, peer)).await;
            state.end();
            answer
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_TIMEOUT)
        .max_buf_size(HEADERS_LIMIT_BYTES)
        .serve_connection(Patient::new(io, READER_TIMEOUT, Arc::clone(state)), service);
    // A connection that breaks off is the peer's affair.
    let _ = watcher.watch(connection).await;
}

/// A request as the routes expect it: with the peer's address, and with the slash at its end that some clients leave out.
fn arrived(request: Request<Incoming>, peer: Peer) -> Request<Body> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(peer);
    if let Some(uri) = with_slash(request.uri()) {
        *request.uri_mut() = uri;
    }
    request
}

fn with_slash(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    if !path.starts_with("/taxii2") || path.ends_with('/') {
        return None;
    }
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    format!("{path}/{query}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes() {
        let shown = |uri: &str| with_slash(&uri.parse().unwrap()).map(|uri| uri.to_string());
        assert_eq!(shown("/taxii2").as_deref(), Some("/taxii2/"));
        assert_eq!(shown("/taxii2/a/collections?x=1").as_deref(), Some("/taxii2/a/collections/?x=1"));
        assert_eq!(shown("/taxii2/"), None);
        assert_eq!(shown("/healthz"), None);
    }
}
