//! Many ports of one machine that are wrong in the same way have one cause, which nobody sees in a
//! list of them.

use crate::model::reason::ReasonCode;
use crate::model::report::Finding;

use super::view::{Paragraph, rules};

/// With fewer rules the ports speak for themselves.
const MANY: usize = 3;

/// What many ports of one machine have in common, in words.
pub fn in_words(paragraph: &Paragraph<'_>) -> Option<String> {
    let number = rules(paragraph.members()).len();
    let node = paragraph.head.target.node.as_ref()?;
    let is_of_node = |finding: &Finding| finding.target.node.as_ref() == Some(node);
    if number < MANY || !paragraph.members().all(is_of_node) {
        return None;
    }
    let (what, cause) = match paragraph.head.reason {
        ReasonCode::PortOpenUnexpected | ReasonCode::PortOpenUnneeded => {
            ("lets us in", "its firewall is off, or trusts more than it should")
        }
        ReasonCode::TcpTimeout | ReasonCode::AdminProhibited | ReasonCode::PortUnreachable => {
            ("keeps us out", "its firewall does not know us, or the machine is down")
        }
        ReasonCode::TcpRefused => {
            ("refuses us", "OpenVidu does not run there, or its firewall does not know us")
        }
        _ => return None,
    };
    Some(format!("{node} {what} against {number} rules: most likely {cause}"))
}
