//! What a connection attempt meets.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::facts::{
    Connect, EchoAnswer, EchoFacts, FirstBytes, IcmpError, IcmpSender, TcpFacts,
};
use crate::output::json::v1::publish::{PublishedAs, published};
use crate::output::json::v1::values::{AddressV1, ServerTextV1, SocketAddressV1};
use crate::output::json::v1::words::FamilyV1;

published! {
    /// What a TCP connection attempt met.
    struct TcpFactsV1 from TcpFacts {
        /// The result of the connection attempt.
        connect: ConnectV1,
        /// Where ovcheck connected to, if `--connect-to` replaced the address or port; else null.
        dialled: Option<SocketAddressV1>,
    }

    /// What ICMP echo requests met.
    struct EchoFactsV1 from EchoFacts {
        /// The answer.
        answer: EchoAnswerV1,
    }

    /// What came back for ICMP echo requests.
    enum EchoAnswerV1 from EchoAnswer {
        /// The machine replied.
        Replied {
            /// How long it took, in milliseconds.
            after_ms: u64,
        },
        /// No reply.
        Silent,
        /// No request was sent: this system does not allow it, or `--connect-to` leads elsewhere.
        NotSent,
    }

    /// The result of a TCP connection attempt.
    enum ConnectV1 from Connect {
        /// The connection was accepted.
        Accepted,
        /// The answer to SYN was RST.
        Reset,
        /// The answer to SYN was an ICMP error.
        Icmp(error: IcmpErrorV1),
        /// No answer within the time-out.
        Silent,
    }

    /// What an unexpected answer looks like, judged by its first bytes.
    enum FirstBytesV1 from FirstBytes {
        /// HTTP: the status line.
        Http(line: ServerTextV1),
        /// A TLS record.
        Tls,
        /// An RTMP handshake.
        Rtmp,
        /// A STUN message.
        Stun,
        /// SSH: the identification line.
        Ssh(line: ServerTextV1),
        /// A PROXY protocol header, version 1 or 2.
        ProxyProtocol,
        /// Other printable text.
        Text(text: ServerTextV1),
        /// Other bytes: the first 16 at most, in hexadecimal.
        Binary(hex: String),
    }
}

/// An ICMP or ICMPv6 error that answered a packet.
#[derive(Debug, Serialize, JsonSchema)]
pub struct IcmpErrorV1 {
    /// `ipv4` for ICMP, `ipv6` for ICMPv6.
    pub family: FamilyV1,
    /// The type (RFC 792, RFC 4443).
    #[serde(rename = "type")]
    pub icmp_type: u8,
    /// The code of this type.
    pub code: u8,
    /// Who sent the error.
    pub sender: IcmpSenderV1,
    /// The address of the sender; null if the operating system does not tell.
    pub from: Option<AddressV1>,
}

/// Who sent an ICMP error.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IcmpSenderV1 {
    /// The machine for which the packet was meant.
    MeantMachine,
    /// Another machine, such as a router or a firewall on the path.
    Another,
    /// The operating system does not tell.
    Untold,
}

impl PublishedAs<IcmpErrorV1> for IcmpError {
    fn published(&self) -> IcmpErrorV1 {
        let Self { family, icmp_type, code, from } = self;
        IcmpErrorV1 {
            family: family.published(),
            icmp_type: *icmp_type,
            code: *code,
            sender: match from {
                IcmpSender::MeantMachine(_) => IcmpSenderV1::MeantMachine,
                IcmpSender::Another(_) => IcmpSenderV1::Another,
                IcmpSender::Untold => IcmpSenderV1::Untold,
            },
            from: from.address().published(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::target::Family;

    #[test]
    fn an_icmp_error_says_who_sent_it_and_from_where() {
        let table = [
            (IcmpSender::MeantMachine([203, 0, 113, 20].into()), "meant_machine 203.0.113.20"),
            (IcmpSender::Another([192, 0, 2, 9].into()), "another 192.0.2.9"),
            (IcmpSender::Untold, "untold null"),
        ];
        for (from, expected) in table {
            let error = IcmpError { family: Family::V4, icmp_type: 3, code: 13, from };
            let json = serde_json::to_value(error.published()).unwrap();
            let shown = format!("{} {}", json["sender"], json["from"]).replace('"', "");
            assert_eq!(shown, expected);
        }
    }
}
