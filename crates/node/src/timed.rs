//! A request as it is counted and logged: which route it asked for, from where, how long it took. What was asked for in
//! particular, and by whom, is in the audit.

use std::net::IpAddr;
use std::time::Instant;

use axum::extract::Request;
use axum::http::{Method, StatusCode};

use crate::config::LogRequests;
use crate::log::{Level, log};
use crate::node::Node;
use crate::peer::Peer;

/// A request under way.
pub(crate) struct Timed {
    route: &'static str,
    method: Method,
    from: Option<IpAddr>,
    began: Instant,
}

impl Timed {
    pub(crate) fn of(route: &'static str, request: &Request) -> Self {
        let from = request.extensions().get::<Peer>().map(|peer| peer.address);
        Self { route, method: request.method().clone(), from, began: Instant::now() }
    }
}

impl Node {
    /// Counts a request that was answered, and logs it where that is wanted.
    pub(crate) fn count(&self, asked: &Timed, status: StatusCode) {
        let took = asked.began.elapsed();
        self.metrics.count_request(asked.route, status.as_u16(), took);
        let failed = status.is_client_error() || status.is_server_error();
        let wanted = match self.config.log.requests {
            LogRequests::None => false,
            LogRequests::Failed => failed,
            LogRequests::All => true,
        };
        if wanted {
            let level = if failed { Level::Warning } else { Level::Info };
            let fields = [
                ("method", asked.method.as_str().into()),
                ("route", asked.route.into()),
                ("status", status.as_u16().into()),
                ("microseconds", u64::try_from(took.as_micros()).unwrap_or(u64::MAX).into()),
                ("from", asked.from.map(|from| from.to_string()).into()),
            ];
            log(level, "request", &fields);
        }
    }
}
