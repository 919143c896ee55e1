//! What the DNS answers.

use crate::model::facts::{AuthorityAnswer, AuthorityFacts, DnsAnswer, DnsFacts};
use crate::output::json::v1::publish::{PublishedAs, published};
use crate::output::json::v1::values::{AddressV1, DomainNameV1, SocketAddressV1};

published! {
    /// What a DNS server answered to one question.
    struct DnsFactsV1 from DnsFacts {
        /// The server that answered, or the last one that was asked.
        server: SocketAddressV1,
        /// Whether the answer came over UDP. `false`: over TCP.
        over_udp: bool,
        /// The kind of answer.
        answer: DnsAnswerV1,
        /// The targets of the CNAME records, in order.
        cname_chain: Vec<DomainNameV1>,
        /// The addresses, sorted. Empty unless `answer` is `addresses`.
        addresses: Vec<AddressV1>,
        /// With `serv_fail`: the addresses that the same server gives if it is asked not to validate
        /// DNSSEC signatures (CD). Otherwise empty.
        without_validation: Vec<AddressV1>,
        /// With `addresses`: a server that was asked before and answered that the name does not exist.
        denied_by: Option<SocketAddressV1>,
        /// With `addresses`: a server that was asked before and answered SERVFAIL, and addresses if it
        /// was asked not to validate DNSSEC signatures (CD).
        invalid_at: Option<SocketAddressV1>,
    }

    /// What the name servers of a zone answered to one question.
    struct AuthorityFactsV1 from AuthorityFacts {
        /// The name servers, at most four. Empty if none was found.
        servers: Vec<AuthorityAnswerV1>,
    }

    /// What one name server of a zone answered.
    struct AuthorityAnswerV1 from AuthorityAnswer {
        /// Its name.
        name: DomainNameV1,
        /// Its address and port.
        server: SocketAddressV1,
        /// Whether it said that the zone is its own (AA).
        authoritative: bool,
        /// The kind of answer.
        answer: DnsAnswerV1,
        /// The addresses, sorted. Empty unless `answer` is `addresses`.
        addresses: Vec<AddressV1>,
    }

    /// The kind of a DNS answer.
    enum DnsAnswerV1 from DnsAnswer {
        /// At least one address.
        Addresses,
        /// The name exists but has no address of this family.
        NoData,
        /// The name does not exist, or the target of its CNAME does not.
        NxDomain,
        /// SERVFAIL.
        ServFail,
        /// REFUSED.
        Refused,
        /// Another response code: its number (RFC 6895).
        OtherCode(code: u16),
        /// A loop of CNAME records, or more than 16 of them.
        CnameLoop,
        /// The answer is not a DNS message, or not for this question.
        Malformed,
        /// No server answered within the time-out.
        Silent,
        /// The server's port is closed (RST or ICMP).
        Unreachable,
    }
}
