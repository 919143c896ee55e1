//! The questions of `ovcheck init` on a terminal.

use std::fmt::Display;
use std::io::{BufRead, Read, Write};
use std::str::FromStr;

use crate::complaint::{Complaint, Place};
use crate::config::Flags;
use crate::config::value::{self, InvalidValue, NodeFlag};
use crate::model::deployment::{Edition, NodeRole, Policy, Topology};
use crate::model::name::DomainName;
use crate::model::word_list::WordList;
use crate::output::{log_safe, text};

/// The longest answer, in bytes.
const LONGEST_ANSWER: u64 = 4096;

/// How many wrong answers to one question are explained before the interview ends.
const MOST_TRIES: usize = 10;

/// Questions and answers.
pub struct Interview<Answers, Questions> {
    answers: Answers,
    questions: Questions,
}

/// What an answer is parsed with. The text is not empty.
type Parse<'a, T> = &'a dyn Fn(&str) -> Result<T, InvalidValue>;

impl<Answers: BufRead, Questions: Write> Interview<Answers, Questions> {
    pub fn new(answers: Answers, questions: Questions) -> Self {
        Self { answers, questions }
    }

    /// The flags, and the answers about what they do not say.
    ///
    /// # Errors
    /// If the answers end too early, or are wrong again and again.
    pub fn about(mut self, flags: Flags) -> Result<Flags, Complaint> {
        let mut flags = flags;
        self.say("Press Enter to leave a question open.\n")?;
        flags.domain_name = Some(self.domain()?);
        if flags.turn_domain_name.is_none() {
            let question = "Domain name for TURN over TLS (turn.example.io)";
            let domain = flags.domain_name.clone();
            flags.turn_domain_name = self.optional(question, &|text| {
                let name = value::domain_name(text)?;
                if Some(&name) == domain.as_ref() {
                    let message = "the TURN domain and the domain must be different names";
                    return Err(InvalidValue::new(message));
                }
                Ok(name)
            })?;
        }
        if flags.guide.is_none() {
            let question = format!("Installed version of OpenVidu ({})", words(&Edition::ALL));
            flags.guide = self.optional(&question, &value::edition)?;
        }
        if flags.topology.is_none() {
            let question = format!("Deployment type ({}) [single-node]", words(&Topology::ALL));
            flags.topology = self.optional(&question, &value::word)?;
        }
        if flags.policy.is_none() {
            flags.policy = self.policy(&flags)?;
        }
        if flags.node.is_empty() {
            let topology = flags.topology.unwrap_or(Topology::SingleNode);
            for role in topology.roles() {
                flags.node.extend(self.nodes(topology, *role)?);
            }
        }
        let has_tables_of_modules = !matches!(flags.topology, None | Some(Topology::SingleNode));
        if flags.enabled_modules.is_none() && has_tables_of_modules {
            let modules = flags.guide.unwrap_or(Edition::NEWEST).modules();
            let question = format!("Enabled modules, or none ({})", words(modules));
            flags.enabled_modules = self.optional(&question, &|text| {
                let list: value::ModuleList = spaced(text).parse()?;
                match list.0.iter().find(|module| !modules.contains(module)) {
                    None => Ok(list),
                    Some(other) => {
                        Err(InvalidValue::new(format!("this version has no module {other}")))
                    }
                }
            })?;
        }
        if flags.uses.is_none() {
            let question = "Optional features in use, or none (rtmp, whip, ice-tcp, public-minio)";
            flags.uses = self.optional(question, &|text| spaced(text).parse())?;
        }
        Ok(flags)
    }

    fn domain(&mut self) -> Result<DomainName, Complaint> {
        for _ in 0..MOST_TRIES {
            let question = "Domain name of the deployment (openvidu.example.io)";
            if let Some(name) = self.optional(question, &value::domain_name)? {
                return Ok(name);
            }
            self.say("  The domain name is required.\n")?;
        }
        Err(gave_up("the domain name is missing"))
    }

    fn policy(&mut self, flags: &Flags) -> Result<Option<Policy>, Complaint> {
        let policies = flags.guide.unwrap_or(Edition::NEWEST).policies();
        let question = format!("How media reaches users ({}) [default]", words(policies));
        self.optional(&question, &|text| {
            let policy: Policy = value::word(text)?;
            if !policies.contains(&policy) {
                return Err(InvalidValue::new(format!("this version has no policy {policy}")));
            }
            if policy.leaves_turns_alone() && flags.turn_domain_name.is_none() {
                let message = format!("the policy {policy} requires a TURN domain");
                return Err(InvalidValue::new(message));
            }
            Ok(policy)
        })
    }

    /// The machines of a role.
    fn nodes(&mut self, topology: Topology, role: NodeRole) -> Result<Vec<NodeFlag>, Complaint> {
        let are_several = topology.most(role).is_none() && role != NodeRole::Proxy;
        let mut nodes = Vec::new();
        loop {
            let number = nodes.len() + 1;
            let name = if are_several { format!("{role}-{number}") } else { role.to_string() };
            let question = format!("IP addresses of {name}");
            let node = self.optional(&question, &|text| {
                NodeFlag::from_str(&format!("{name}:{role}={}", spaced(text)))
            })?;
            let Some(node) = node else { return Ok(nodes) };
            let role = Some(role).filter(|_| are_several);
            nodes.push(NodeFlag { role, ..node });
            if !are_several {
                return Ok(nodes);
            }
        }
    }

    /// The answer to a question. `None`: it stays open.
    fn optional<T>(&mut self, question: &str, parse: Parse<'_, T>) -> Result<Option<T>, Complaint> {
        for _ in 0..MOST_TRIES {
            self.say(format_args!("{question}: "))?;
            let answer = self.answer()?;
            if answer.is_empty() {
                return Ok(None);
            }
            match parse(&answer) {
                Ok(value) => return Ok(Some(value)),
                Err(wrong) => {
                    // It repeats the answer.
                    let wrong = log_safe::text(&text::clean(&wrong.to_string()));
                    self.say(format_args!("  {wrong}\n"))?;
                }
            }
        }
        Err(gave_up(&format!("{question}: {MOST_TRIES} answers were wrong")))
    }

    fn answer(&mut self) -> Result<String, Complaint> {
        let mut line = Vec::new();
        let read = (&mut self.answers).take(LONGEST_ANSWER).read_until(b'\n', &mut line);
        match read {
            Ok(0) => Err(gave_up("the answers ended")),
            Ok(_) => Ok(String::from_utf8_lossy(&line).trim().to_owned()),
            Err(error) => Err(gave_up(&format!("failed to read the answer: {error}"))),
        }
    }

    fn say(&mut self, words: impl Display) -> Result<(), Complaint> {
        write!(self.questions, "{words}")
            .and_then(|()| self.questions.flush())
            .map_err(|error| gave_up(&format!("failed to ask: {error}")))
    }
}

fn gave_up(message: &str) -> Complaint {
    Complaint::new(message, Place::Nowhere)
        .with_help("nothing was written; flags can say the same (ovcheck init --help)")
}

/// `a b, c` as a flag takes it: `a,b,c`.
fn spaced(answer: &str) -> String {
    let parts = answer.split(|c: char| c == ',' || c.is_whitespace());
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(",")
}

fn words<T: WordList>(words: &[T]) -> String {
    words.iter().map(|word| word.word()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{FileNotes, deployment_file};

    fn interview(flags: Flags, answers: &str) -> (Result<Flags, Complaint>, String) {
        let mut asked = Vec::new();
        let flags = Interview::new(answers.as_bytes(), &mut asked).about(flags);
        (flags, String::from_utf8(asked).unwrap())
    }

    #[test]
    fn answers_become_a_file() {
        let answers = "openvidu.example.io\nturn.example.io\n3.9\nelastic\nforced-turn\n\
                       203.0.113.11\n203.0.113.21, 2001:db8::21\n203.0.113.22\n\n203.0.113.10\n\
                       observability openviduMeet\nrtmp\n";
        let (flags, asked) = interview(Flags::default(), answers);
        let text = deployment_file(&flags.unwrap(), &FileNotes::default()).unwrap();
        for line in [
            "policy = \"forced-turn\"",
            "[nodes.master]",
            "[nodes.media-2]\nrole = \"media\"\naddresses = [\"203.0.113.22\"]",
            "addresses = [\"203.0.113.21\", \"2001:db8::21\"]",
            "enabled-modules = [\"observability\", \"openviduMeet\"]",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(asked.contains("IP addresses of media-3: "), "{asked}");
    }

    #[test]
    fn a_wrong_answer_is_explained_and_asked_again() {
        let answers = "https://openvidu.example.io/\n\nopenvidu.example.io\nopenvidu.example.io\n\n\n\n\
                       forced-turn\n\n10.0.0\n\n\nnone\n";
        let (flags, asked) = interview(Flags::default(), answers);
        let flags = flags.unwrap();
        assert_eq!((flags.turn_domain_name, flags.policy), (None, None));
        for words in [
            "use openvidu.example.io",
            "The domain name is required.",
            "must be different names",
            "the policy forced-turn requires a TURN domain",
            "\"10.0.0\" is not an IP address",
        ] {
            assert!(asked.contains(words), "{words}\n{asked}");
        }
    }

    #[test]
    fn what_a_flag_says_is_not_asked() {
        let flags = Flags {
            topology: Some(Topology::SingleNode),
            guide: Some(Edition::NEWEST),
            node: vec!["proxy=203.0.113.10".parse().unwrap()],
            ..Flags::default()
        };
        let (flags, asked) = interview(flags, "openvidu.example.io\n\n\n\n");
        assert_eq!(flags.unwrap().node.len(), 1);
        assert!(!asked.contains("IP addresses") && !asked.contains("version"), "{asked}");
    }

    #[test]
    fn answers_that_end_or_stay_wrong_write_nothing() {
        let (ended, _) = interview(Flags::default(), "openvidu.example.io\n");
        assert_eq!(ended.unwrap_err().message, "the answers ended");
        let (wrong, _) = interview(Flags::default(), &"1.2.3.4\n".repeat(100));
        assert!(wrong.unwrap_err().message.contains("answers were wrong"));
        let (endless, _) = interview(Flags::default(), &"a".repeat(1_000_000));
        assert!(endless.is_err());
    }
}
