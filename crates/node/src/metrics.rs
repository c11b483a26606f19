//! What a node tells of itself to those who watch it. Nothing here counts objects: how many there are is intelligence.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper edges of the histogram of durations, in seconds.
const EDGES_S: [f64; 8] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 10.0];

#[derive(Default)]
struct Route {
    by_status: BTreeMap<u16, u64>,
    buckets: [u64; EDGES_S.len()],
    count: u64,
    sum_s: f64,
}

/// Counters.
#[derive(Default)]
pub(crate) struct Metrics {
    routes: Mutex<BTreeMap<&'static str, Route>>,
    refused_sign_ins: AtomicU64,
    connections: AtomicU64,
}

impl Metrics {
    pub(crate) fn count_request(&self, route: &'static str, status: u16, took: Duration) {
        let took_s = took.as_secs_f64();
        let mut routes = self.routes.lock().expect("nobody panics while counting");
        let counted = routes.entry(route).or_default();
        *counted.by_status.entry(status).or_default() += 1;
        counted.count += 1;
        counted.sum_s += took_s;
        for (bucket, edge) in counted.buckets.iter_mut().zip(EDGES_S) {
            *bucket += u64::from(took_s <= edge);
        }
    }

    pub(crate) fn count_refused_sign_in(&self) {
        self.refused_sign_ins.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_connection(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    /// In the text format of Prometheus.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        let mut line = |text: String| {
            out.push_str(&text);
            out.push('\n');
        };
        line("# TYPE watchfire_connections_total counter".to_owned());
        line(format!("watchfire_connections_total {}", self.connections.load(Ordering::Relaxed)));
        line("# TYPE watchfire_sign_ins_refused_total counter".to_owned());
        line(format!("watchfire_sign_ins_refused_total {}", self.refused_sign_ins.load(Ordering::Relaxed)));
        line("# TYPE watchfire_requests_total counter".to_owned());
        let routes = self.routes.lock().expect("nobody panics while counting");
        for (route, counted) in &*routes {
            for (status, count) in &counted.by_status {
                line(format!("watchfire_requests_total{{route=\"{route}\",status=\"{status}\"}} {count}"));
            }
        }
        line("# TYPE watchfire_request_seconds histogram".to_owned());
        for (route, counted) in &*routes {
            let mut edges = String::new();
            for (edge, bucket) in EDGES_S.iter().zip(counted.buckets) {
                let _ = writeln!(
                    edges,
                    "watchfire_request_seconds_bucket{{route=\"{route}\",le=\"{edge}\"}} {bucket}"
                );
            }
            let (count, sum) = (counted.count, counted.sum_s);
            line(format!(
                "{edges}watchfire_request_seconds_bucket{{route=\"{route}\",le=\"+Inf\"}} {count}\n\
                 watchfire_request_seconds_sum{{route=\"{route}\"}} {sum}\n\
                 watchfire_request_seconds_count{{route=\"{route}\"}} {count}"
            ));
        }
        out
    }
}
