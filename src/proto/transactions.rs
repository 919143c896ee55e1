//! Requests in flight at the same time, each sent again until it is answered (RFC 8489 §6.2.1).
//! Time comes in as an argument, counted from the start of the conversation.

use std::time::Duration;

use super::stun::next_copy;

/// Whether a request is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copies {
    /// Over UDP.
    Several,
    /// Over TCP and TLS, which see to it themselves.
    One,
}

/// Bytes of a STUN header (RFC 8489 §5).
const HEADER: usize = 20;

/// Requests that wait for their answers. `K` says what each is for.
#[derive(Debug, Clone)]
pub struct Transactions<K> {
    copies: Copies,
    waiting: Vec<Waiting<K>>,
}

#[derive(Debug, Clone)]
struct Waiting<K> {
    key: K,
    id: [u8; 12],
    bytes: Vec<u8>,
    /// When the first copy leaves.
    first: Duration,
    sent: usize,
}

impl<K: Copy> Transactions<K> {
    /// None yet.
    pub fn new(copies: Copies) -> Self {
        Self { copies, waiting: Vec::new() }
    }

    /// Adds a request; its first copy leaves at `first`.
    pub fn add(&mut self, key: K, id: [u8; 12], bytes: Vec<u8>, first: Duration) {
        self.waiting.push(Waiting { key, id, bytes, first, sent: 0 });
    }

    /// Takes out what has to be sent by `now`, each once.
    pub fn due(&mut self, now: Duration) -> Vec<Vec<u8>> {
        let due = self.due_by_key(now).into_iter();
        due.map(|(_, bytes)| bytes).collect()
    }

    /// The same, each with what it is for.
    pub fn due_by_key(&mut self, now: Duration) -> Vec<(K, Vec<u8>)> {
        let copies = self.copies;
        let mut due = Vec::new();
        for waiting in &mut self.waiting {
            if waiting.next(copies).is_some_and(|at| at <= now) {
                waiting.sent += 1;
                due.push((waiting.key, waiting.bytes.clone()));
            }
        }
        due
    }

    /// When something has to be sent next.
    pub fn next(&self) -> Option<Duration> {
        let next = |waiting: &Waiting<K>| waiting.next(self.copies);
        self.waiting.iter().filter_map(next).min()
    }

    /// The requests that wait, with their transaction ids.
    pub fn waiting(&self) -> impl Iterator<Item = (K, [u8; 12])> {
        self.waiting.iter().map(|waiting| (waiting.key, waiting.id))
    }

    /// Whether an ICMP error that quotes this of a datagram is about one of the requests that wait:
    /// the quote has to hold a STUN header, with the transaction id.
    pub fn is_quoted_in(&self, quote: &[u8]) -> bool {
        quote.len() >= HEADER
            && self.waiting.iter().any(|waiting| {
                let mut both = waiting.bytes.iter().zip(quote);
                both.all(|(ours, quoted)| ours == quoted)
            })
    }

    /// Strikes out the request `id`: it was answered, or need not be any more.
    pub fn settle(&mut self, id: [u8; 12]) {
        self.waiting.retain(|waiting| waiting.id != id);
    }

    /// Strikes out all requests for which `is_it` says so.
    pub fn drop_where(&mut self, is_it: impl Fn(&K) -> bool) {
        self.waiting.retain(|waiting| !is_it(&waiting.key));
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

impl<K> Waiting<K> {
    fn next(&self, copies: Copies) -> Option<Duration> {
        match (copies, self.sent) {
            (Copies::One, 0) => Some(self.first),
            (Copies::One, _) => None,
            (Copies::Several, sent) => Some(self.first + next_copy(sent)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_request_is_sent_again_until_it_is_settled() {
        let mut flight = Transactions::new(Copies::Several);
        flight.add("a", [1; 12], vec![1], ms(0));
        flight.add("b", [2; 12], vec![2], ms(100));
        assert_eq!(flight.due(ms(0)), [[1]]);
        assert_eq!(flight.next(), Some(ms(100)));
        assert_eq!(flight.due(ms(100)), [[2]]);
        flight.settle([2; 12]);
        assert_eq!(flight.next(), Some(ms(350)));
        assert!(flight.due(ms(349)).is_empty());
        assert_eq!(flight.due(ms(400)), [[1]]);
        assert_eq!(flight.waiting().collect::<Vec<_>>(), [("a", [1; 12])]);
        flight.settle([1; 12]);
        assert!(flight.is_empty());
    }

    #[test]
    fn on_a_stream_it_is_sent_once() {
        let mut flight = Transactions::new(Copies::One);
        flight.add((), [1; 12], vec![1], ms(0));
        assert_eq!(flight.due(ms(10)).len(), 1);
        assert_eq!(flight.next(), None);
        assert!(flight.due(ms(9_000)).is_empty() && !flight.is_empty());
    }
}
