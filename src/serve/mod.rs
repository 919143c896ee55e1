//! `ovcheck serve`: a prober for Prometheus. It answers over HTTP with the results of checks, which it makes when it is asked
//! or by a schedule.
//!
//! ```text
//! listener ─► routes ─┬─► runs ─► check ─► app (as `ovcheck check`)
//!  (hyper)   (a reply) │     one run at a time for a target; a second request joins it
//!                      └─► results as text: output::metrics, output::html, output::json
//! ```
//!
//! Runs and visits are also kept in a file ([`crate::store`]), by `history`.
//!
//! What a request can name are targets of the operator's own file, never an address.

mod alerts;
mod check;
mod counters;
mod forwarded;
mod history;
mod history_pages;
mod limits;
mod listener;
mod notify;
mod page;
mod process;
mod public;
mod record;
mod routes;
mod runs;
mod schedule;
mod target;
mod visits;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::config::serve::{PageConfig, PublicUrl, ServeConfig};
use crate::net::clock::Clock;

use alerts::Alerts;
use history::HistoryKeeper;
use listener::Site;
pub use listener::{Listener, bind};
use public::PublicPage;
use runs::{Observers, Runs};
pub use visits::received::schema as visit_schema;
use visits::{Moment, Visits};

/// The time for the checks that run when the process is told to end.
const TO_END: Duration = Duration::from_secs(10);

/// Where the operator is told what happens meanwhile.
pub type Tell = fn(&str);

/// A prober that is ready to answer. Cheap to clone.
#[derive(Clone)]
pub struct Prober {
    runs: Arc<Runs>,
    visits: Arc<Visits>,
    /// Where the page for users is, if there is one.
    public_url: Option<Arc<PublicUrl>>,
    clock: Clock,
}

impl Prober {
    /// A prober of these targets, with the last results of its history; `operator` is where its pages are. Must be called inside a
    /// runtime, which then runs the schedules. May block for some seconds, if the file of the history is locked.
    pub fn start(config: &ServeConfig, operator: SocketAddr, tell: Tell) -> Self {
        let clock = Clock::start();
        let history = config.store.as_ref().map(|store| HistoryKeeper::open(store, tell));
        let alerts = config.alert.as_ref().map(|alert| {
            // An address that stands for all of this machine leads nowhere.
            let pages = (!operator.ip().is_unspecified()).then(|| format!("http://{operator}"));
            Alerts::start(alert, config.targets.clone(), history.clone(), pages, tell)
        });
        let runs = Arc::new(Runs::new(config, Arc::new(check::run), Observers { history, alerts }));
        if let Some(history) = &runs.observers.history {
            history.restore(&runs.targets());
            history.start();
        }
        schedule::keep(&runs);
        let page = config.page.as_ref();
        let history = runs.observers.history.as_ref();
        let is_open = page.is_some_and(|page| page.is_open);
        let visits = Arc::new(Visits::new(is_open, history.is_some()));
        if let Some(history) = history {
            visits::storing::keep(&visits, history);
        }
        Self { runs, visits, public_url: page.map(|it| Arc::new(it.public_url.clone())), clock }
    }

    /// The link to the page for users, with a new code. `None`: there is no page, or there are too many codes.
    pub fn invite(&self, note: &str) -> Option<String> {
        let url = self.public_url.as_deref()?;
        let visit = self.visits.invite(note.to_owned(), visits::CODE_LIFETIME, self.now()).ok()?;
        Some(visits::operator::link(url, visit.code))
    }

    /// The time.
    fn now(&self) -> Moment {
        // The clock of a run does not follow the system's, and this process runs for months.
        Moment { wall: Clock::start().now(), uptime: self.clock.elapsed() }
    }

    /// Takes over the targets of a configuration that was read again. What did not change keeps its results. Broken
    /// targets keep what they were before. Returns the settings that only a restart changes.
    pub fn reload(&self, config: &ServeConfig) -> Vec<&'static str> {
        let needs_restart = self.runs.replace(config);
        schedule::keep(&self.runs);
        needs_restart
    }

    /// Answers requests at `listener`, and those of users at the one of the page, until `end` is done; then gives the
    /// running checks some seconds to end.
    pub async fn answer(
        &self,
        listener: Listener,
        page: Option<(Listener, PageConfig)>,
        end: impl Future<Output = ()>,
    ) {
        let users = async {
            match page {
                Some((listener, page)) => {
                    let page = PublicPage::new(self.clone(), page);
                    listener::answer(listener, Site::Public(page)).await;
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = listener::answer(listener, Site::Operator(self.clone())) => {}
            () = users => {}
            () = end => {}
        }
        notify::stopping();
        self.runs.end(TO_END).await;
        if let Some(history) = &self.runs.observers.history {
            self.visits.end(history).await;
            history.end().await;
        }
    }

    /// Whether the history can be written, if one is kept.
    fn is_ready(&self) -> bool {
        self.runs.observers.history.as_ref().is_none_or(|history| history.is_open())
    }

    /// Tells the system that started this process that it is ready (`Type=notify` of systemd).
    pub fn tell_ready() {
        notify::ready();
    }

    /// An address to listen at is one where requests of this host come from: `localhost` and the address itself.
    fn is_own_name(host: &str, address: SocketAddr) -> bool {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.parse() == Ok(address.port()) => name,
            // Without a port: the one of the scheme.
            _ => host,
        };
        let name = name.trim_start_matches('[').trim_end_matches(']');
        name.eq_ignore_ascii_case("localhost")
            || name
                .parse()
                .is_ok_and(|named: std::net::IpAddr| named == address.ip() || named.is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_of_this_machine_is_an_own_name() {
        let address = "127.0.0.1:9717".parse().unwrap();
        for own in ["127.0.0.1:9717", "localhost:9717", "LOCALHOST:9717", "localhost", "[::1]:9717"]
        {
            assert!(Prober::is_own_name(own, address), "{own}");
        }
        for other in ["evil.example:9717", "localhost.evil.example:9717", "", "203.0.113.1:9717"] {
            assert!(!Prober::is_own_name(other, address), "{other}");
        }
    }
}
