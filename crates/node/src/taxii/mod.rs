//! TAXII 2.1 over HTTP: the table of routes, and the one way that every request goes.
//!
//! A request is answered in the order in which its refusals must not tell more than they may: who asks (401), whether
//! there is such a thing for them (404), whether they may (403), in which form (406, 415, 413), and only then what it
//! says (400).

mod collections;
mod media;
mod misp;
mod objects;
mod query;
mod refusal;
mod reply;
mod upload;
mod views;

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request};
use axum::http::request::Parts;
use axum::http::{Method, header};
use axum::response::Response;
use axum::routing::any;

pub(crate) use collections::readable_collections;
pub(crate) use refusal::Refusal;
pub(crate) use reply::{Reply, finish, options};

use crate::node::Node;
use crate::packing::Coding;
use crate::peer::Peer;
use crate::sign_in::{Attempt, Brought, sign_in};
use crate::signed_in::SignedIn;
use crate::timed::Timed;

/// What an endpoint is given.
pub(crate) struct Call {
    pub(crate) who: SignedIn,
    /// The named parts of the path.
    pub(crate) path: HashMap<String, String>,
    pub(crate) query: String,
    /// How the requester reaches this node: the beginning of an address.
    pub(crate) base: String,
    pub(crate) accept: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) content_encoding: Option<String>,
    /// How the answer may be packed.
    pub(crate) coding: Option<Coding>,
    /// What the requester has already.
    pub(crate) if_none_match: Option<String>,
}

impl Call {
    fn part(&self, name: &str) -> &str {
        self.path.get(name).map_or("", String::as_str)
    }
}

type Answer = Result<Reply, Refusal>;

/// What a method does.
#[derive(Clone, Copy)]
enum Endpoint {
    /// It needs no body.
    Plain(fn(&Node, &Call) -> Answer),
    /// It is asked before the body is read, and again with it.
    Upload(fn(&Node, &Call) -> Result<(), Refusal>, fn(&Node, &Call, &[u8]) -> Answer),
}

/// A path and what can be done there.
struct Route {
    path: &'static str,
    name: &'static str,
    methods: &'static [(&'static str, Endpoint)],
}

use Endpoint::{Plain, Upload};

const ROUTES: [Route; 13] = [
    Route { path: "/taxii2/", name: "discovery", methods: &[("GET", Plain(collections::discovery))] },
    Route { path: "/taxii2/{root}/", name: "api-root", methods: &[("GET", Plain(collections::api_root))] },
    Route {
        path: "/taxii2/{root}/status/{status}/",
        name: "status",
        methods: &[("GET", Plain(collections::status))],
    },
    Route {
        path: "/taxii2/{root}/collections/",
        name: "collections",
        methods: &[("GET", Plain(collections::collections))],
    },
    Route {
        path: "/taxii2/{root}/collections/{collection}/",
        name: "collection",
        methods: &[("GET", Plain(collections::collection))],
    },
    Route {
        path: "/taxii2/{root}/collections/{collection}/manifest/",
        name: "manifest",
        methods: &[("GET", Plain(objects::manifest))],
    },
    Route {
        path: "/taxii2/{root}/collections/{collection}/objects/",
        name: "objects",
        methods: &[("GET", Plain(objects::objects)), ("POST", Upload(upload::prepare, upload::take))],
    },
    Route {
        path: "/taxii2/{root}/collections/{collection}/objects/{object}/",
        name: "object",
        methods: &[("GET", Plain(objects::object)), ("DELETE", Plain(objects::delete))],
    },
    Route {
        path: "/taxii2/{root}/collections/{collection}/objects/{object}/versions/",
        name: "versions",
        methods: &[("GET", Plain(objects::versions))],
    },
    Route {
        path: "/taxii2/{root}/collections/{collection}/values.txt/",
        name: "values.txt",
        methods: &[("GET", Plain(views::text_list))],
    },
    Route {
        path: "/taxii2/{root}/collections/{collection}/values.csv/",
        name: "values.csv",
        methods: &[("GET", Plain(views::csv))],
    },
    Route {
        path: "/taxii2/{root}/collections/{collection}/misp/{file}/",
        name: "misp",
        methods: &[("GET", Plain(misp::file))],
    },
    Route { path: "/metrics", name: "metrics", methods: &[("GET", Plain(collections::metrics))] },
];

/// The routes of a node.
pub(crate) fn router(node: &Arc<Node>) -> Router {
    let mut router = Router::new();
    for route in &ROUTES {
        let node = Arc::clone(node);
        let handler = move |path: Path<HashMap<String, String>>, request: Request| {
            let node = Arc::clone(&node);
            async move { handle(node, route, path.0, request).await }
        };
        router = router.route(route.path, any(handler));
    }
    let health = Arc::clone(node);
    let fallback = Arc::clone(node);
    router
        .route("/healthz", any(move || async move { blocking(move || collections::health(&health)).await }))
        .fallback(move |request: Request| async move { nowhere(fallback, request).await })
}

async fn handle(
    node: Arc<Node>,
    route: &'static Route,
    path: HashMap<String, String>,
    request: Request,
) -> Response {
    let asked = Timed::of(route.name, &request);
    let counted = Arc::clone(&node);
    let is_head = request.method() == Method::HEAD;
    let response = answer(node, route, path, request).await;
    counted.count(&asked, response.status());
    if is_head { response.map(|_| Body::empty()) } else { response }
}

async fn answer(
    node: Arc<Node>,
    route: &'static Route,
    path: HashMap<String, String>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    if parts.method == Method::OPTIONS {
        return options(&names(route.methods));
    }
    let method = if parts.method == Method::HEAD { "GET" } else { parts.method.as_str() };
    let endpoint = route.methods.iter().find(|(other, _)| *other == method).map(|(_, endpoint)| *endpoint);
    let first = Arc::clone(&node);
    let announced = announced(&parts);
    let prepared = tokio::task::spawn_blocking(move || -> Result<_, Refusal> {
        let call = call(&first, &parts, path)?;
        let endpoint = endpoint.ok_or_else(|| Refusal::method(&names(route.methods)))?;
        match endpoint {
            Plain(run) => Ok(Err(finish(&first, run(&first, &call), call.coding))),
            Upload(prepare, take) => {
                prepare(&first, &call)?;
                Ok(Ok((call, take)))
            }
        }
    });
    let (call, take) = match prepared.await {
        Ok(Ok(Ok(upload))) => upload,
        Ok(Ok(Err(response))) => return response,
        Ok(Err(refusal)) => return refusal.response(),
        Err(_) => return Refusal::internal().response(),
    };
    let mut received = match upload::receive(&node, body, announced).await {
        Ok(received) => received,
        Err(refusal) => return refusal.response(),
    };
    let adders = node.adders.clone();
    let taken = adders.spawn_blocking(move || {
        let taken = upload::unpack(&node, &call, &mut received).and_then(|body| take(&node, &call, &body));
        drop(received);
        finish(&node, taken, call.coding)
    });
    taken.await.unwrap_or_else(|_| Refusal::internal().response())
}

fn names(methods: &[(&'static str, Endpoint)]) -> Vec<&'static str> {
    methods.iter().map(|(name, _)| *name).collect()
}

/// The announced length of a body.
fn announced(parts: &Parts) -> Option<u64> {
    parts.headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

pub(crate) fn text(parts: &Parts, name: header::HeaderName) -> Option<String> {
    let values: Vec<&str> =
        parts.headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    if values.is_empty() { None } else { Some(values.join(", ")) }
}

fn call(node: &Node, parts: &Parts, path: HashMap<String, String>) -> Result<Call, Refusal> {
    let peer = parts.extensions.get::<Peer>().ok_or_else(Refusal::internal)?;
    let authorization = text(parts, header::AUTHORIZATION);
    // A session reads. What it could write, a page elsewhere could make its browser send.
    let cookies = text(parts, header::COOKIE).filter(|_| parts.method.is_safe());
    let brought = Brought { authorization: authorization.as_deref(), cookies: cookies.as_deref(), peer };
    let who = match sign_in(node, &brought)? {
        Attempt::Good(who) => *who,
        Attempt::Refused => return Err(Refusal::unauthorized()),
        Attempt::TooMany => return Err(Refusal::too_many()),
    };
    let scheme = if node.config.tls.is_some() { "https" } else { "http" };
    let host = text(parts, header::HOST).unwrap_or_else(|| node.config.listen.clone());
    let base = node.config.public_url.clone().unwrap_or_else(|| format!("{scheme}://{host}"));
    Ok(Call {
        who,
        path,
        query: parts.uri.query().unwrap_or_default().to_owned(),
        base: base.trim_end_matches('/').to_owned(),
        accept: text(parts, header::ACCEPT),
        content_type: text(parts, header::CONTENT_TYPE),
        content_encoding: text(parts, header::CONTENT_ENCODING),
        coding: text(parts, header::ACCEPT_ENCODING).and_then(|accepted| media::coding(&accepted)),
        if_none_match: text(parts, header::IF_NONE_MATCH),
    })
}

/// A path that is none: whoever has not signed in is not told.
async fn nowhere(node: Arc<Node>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    blocking(move || match call(&node, &parts, HashMap::new()) {
        Ok(_) => Refusal::not_found().response(),
        Err(refusal) => refusal.response(),
    })
    .await
}

pub(crate) async fn blocking(work: impl FnOnce() -> Response + Send + 'static) -> Response {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Refusal::internal().response())
}
