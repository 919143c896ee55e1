//! What the files of an installation of OpenVidu say about the deployment (`ovcheck init
//! --from-openvidu`), and what in them contradicts the guide.
//!
//! The parts that read no file are pure. No value of a file is repeated unless it is what it should be: a
//! secret may stand in the wrong place.

mod files;
mod note;
mod reading;

use std::fmt;
use std::net::IpAddr;

pub use files::{InstallationFile, read};
pub use note::{InstallationNote, Trouble};

use super::flags::Flags;
use super::value::{self, InvalidValue, ModuleList, NodeFlag, PrivateFlag};
use super::written::{FileNotes, PrivateOnly};
use crate::complaint::{Complaint, Place};
use crate::model::deployment::{Edition, Module, NodeRole, RtcEngine, Topology};
use crate::model::name::{DomainName, NodeName};
use crate::model::word_list::WordList;
use reading::Said;

/// A version of OpenVidu 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct InstalledVersion {
    pub minor: u32,
}

impl InstalledVersion {
    /// The version in `3.9.0` or `3.9`. `None` for `latest`, a branch, or another major version.
    fn in_version(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let major = parts.next()?;
        let minor = parts.next()?.parse().ok()?;
        (major == "3" || major == "v3").then_some(Self { minor })
    }

    /// The newest edition of the guide that is not newer.
    fn edition(self) -> Edition {
        value::edition_for(3, self.minor).unwrap_or(Edition::ALL[0])
    }
}

impl fmt::Display for InstalledVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "3.{}", self.minor)
    }
}

/// What ovcheck looks for in a file. The texts are not checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    Domain(String),
    TurnDomain(String),
    Modules(String),
    /// Compose profiles: before 3.3, the modules were there.
    Profiles(String),
    Engine(String),
    Role(String),
    DeploymentType(String),
    /// The private address of the machine that a command installs.
    Private(String),
    Public(String),
    Master(String),
    Masters(String),
    OneOfMasters(String),
    Media(String),
    Version(InstalledVersion),
    ExternalProxy,
    ExternalLoadBalancer,
    TurnOnMainDomain,
}

/// A value, and where it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found<T> {
    value: T,
    place: String,
}

/// A machine of which a file knows addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Machine {
    role: NodeRole,
    public: Option<IpAddr>,
    private: Option<IpAddr>,
}

/// What the files of an installation say.
#[derive(Debug, Default)]
pub struct Installation {
    domain: Option<Found<DomainName>>,
    turn_domain: Option<Found<DomainName>>,
    topology: Option<Found<Topology>>,
    engine: Option<Found<RtcEngine>>,
    modules: Option<Found<Vec<Module>>>,
    profiles: Option<Found<Vec<Module>>>,
    version: Option<Found<InstalledVersion>>,
    machines: Vec<Machine>,
    is_cluster: Option<String>,
    files: Vec<String>,
    /// The file that could have named a TURN domain.
    main_file: Option<String>,
    notes: Vec<InstallationNote>,
}

impl Installation {
    /// What these files say.
    ///
    /// # Errors
    /// If a file says nothing about OpenVidu.
    pub fn of(files: &[InstallationFile]) -> Result<Self, Complaint> {
        let mut installation = Self::default();
        for file in files {
            let said = reading::said(&file.text);
            if said.is_empty() && file.is_named {
                let place = Place::Path(file.path.clone());
                return Err(Complaint::new("this file says nothing about OpenVidu", place).with_help(
                    "name openvidu.env, master_node.env, media_node.env, a file with the install \
                     command, or the directory of the installation, such as /opt/openvidu",
                ));
            }
            installation.add(file, &said);
        }
        Ok(installation)
    }

    fn add(&mut self, file: &InstallationFile, said: &[Said]) {
        let place = |said: &Said| format!("{}:{}", file.path, said.line);
        self.files.push(file.path.clone());
        let mut machine = Machine { role: NodeRole::Openvidu, public: None, private: None };
        let mut is_command_of = None;
        let mut has_proxy_flag = [false; 2];
        // The settings first: they are what is installed.
        let (settings, flags): (Vec<&Said>, Vec<&Said>) = said.iter().partition(|it| it.is_setting);
        for said in settings.into_iter().chain(flags) {
            let place = place(said);
            match &said.known {
                Known::Domain(text) => {
                    self.main_file.get_or_insert_with(|| file.path.clone());
                    let domain = self.value(&place, "a domain name", text, value::domain_name);
                    if !said.is_setting {
                        is_command_of = Some(place.clone());
                    }
                    let notes = &mut self.notes;
                    keep(&mut self.domain, domain, place, "domain name", notes);
                }
                Known::TurnDomain(text) => {
                    let domain = self.value(&place, "a domain name", text, value::domain_name);
                    let notes = &mut self.notes;
                    keep(&mut self.turn_domain, domain, place, "TURN domain", notes);
                }
                Known::Engine(text) => {
                    let engine = self.value(&place, "an RTC engine", text, value::word);
                    keep(&mut self.engine, engine, place, "RTC engine", &mut self.notes);
                }
                Known::Modules(text) => {
                    let modules = self.modules_in(&place, text);
                    keep(&mut self.modules, modules, place, "list of modules", &mut self.notes);
                }
                Known::Profiles(text) if !file.path.contains("media") => {
                    let words = text.split(',').map(str::trim);
                    let modules: Vec<Module> = words.filter_map(Module::from_word).collect();
                    let modules = Some(modules).filter(|modules| !modules.is_empty());
                    self.profiles = modules.map(|value| Found { value, place });
                }
                Known::Profiles(_) => {}
                Known::DeploymentType(text) => {
                    let topology = topology_called(text);
                    keep(&mut self.topology, topology, place, "deployment type", &mut self.notes);
                }
                Known::Role(text) => {
                    machine.role = role_called(text);
                    if machine.role != NodeRole::Openvidu {
                        self.is_cluster.get_or_insert(place);
                    }
                }
                Known::Version(version) => {
                    keep(&mut self.version, Some(*version), place, "version", &mut self.notes);
                }
                Known::Private(text) => machine.private = self.address(&place, text),
                Known::Public(text) => machine.public = self.address(&place, text),
                Known::Media(text) => {
                    machine.role = NodeRole::Media;
                    machine.private = self.address(&place, text);
                    self.is_cluster.get_or_insert(place);
                }
                Known::Master(text) => {
                    self.master(&place, text);
                    self.is_cluster.get_or_insert(place);
                }
                Known::OneOfMasters(text) => self.masters(place, &[text]),
                Known::Masters(text) => {
                    let texts: Vec<&str> = text.split(',').map(str::trim).collect();
                    self.masters(place, &texts);
                }
                Known::ExternalProxy => has_proxy_flag[0] = true,
                Known::ExternalLoadBalancer => has_proxy_flag[1] = true,
                Known::TurnOnMainDomain => self.note(place, Trouble::TurnOnMainDomain),
            }
        }
        self.machine(machine);
        if self.is_cluster.is_none() && file.is_of_cluster() {
            self.is_cluster = Some(file.path.clone());
        }
        if let Some(place) = is_command_of.filter(|_| has_proxy_flag == [false; 2]) {
            let topology = self.topology.as_ref().map(|found| found.value);
            self.note(place, Trouble::NoExternalProxy { topology });
        }
    }

    fn note(&mut self, place: String, trouble: Trouble) {
        let note = InstallationNote { place, trouble };
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// A value of a file. An empty one is not set; one that is not what it should be is noted.
    fn value<T>(
        &mut self,
        place: &str,
        what: &'static str,
        text: &str,
        parse: fn(&str) -> Result<T, InvalidValue>,
    ) -> Option<T> {
        if text.is_empty() {
            return None;
        }
        if is_unfilled(text) {
            self.note(place.to_owned(), Trouble::Unfilled);
            return None;
        }
        let value = parse(text).ok();
        if value.is_none() {
            self.note(place.to_owned(), Trouble::NotA(what));
        }
        value
    }

    fn address(&mut self, place: &str, text: &str) -> Option<IpAddr> {
        let address = self.value(place, "the IP address of one machine", text, value::address)?;
        if address.is_loopback() {
            self.note(place.to_owned(), Trouble::NotA("the IP address of one machine"));
            return None;
        }
        Some(address)
    }

    fn modules_in(&mut self, place: &str, text: &str) -> Option<Vec<Module>> {
        let words: Vec<&str> =
            text.split(',').map(str::trim).filter(|word| !word.is_empty()).collect();
        if is_unfilled(text) {
            self.note(place.to_owned(), Trouble::Unfilled);
            return None;
        }
        let mut modules: Vec<Module> = Vec::new();
        for word in words {
            match Module::from_word(word) {
                Some(module) => modules.push(module),
                None => self.note(place.to_owned(), Trouble::NotA("a module that ovcheck knows")),
            }
        }
        modules.sort();
        modules.dedup();
        Some(modules)
    }

    /// The only Master Node, or the one that this machine knows.
    fn master(&mut self, place: &str, text: &str) {
        if let Some(private) = self.address(place, text) {
            self.machine(Machine { role: NodeRole::Master, public: None, private: Some(private) });
        }
    }

    /// Several Master Nodes: only High Availability has them.
    fn masters(&mut self, place: String, texts: &[impl AsRef<str>]) {
        for text in texts {
            self.master(&place, text.as_ref());
        }
        let topology = Some(Topology::HighAvailability);
        keep(&mut self.topology, topology, place, "deployment type", &mut self.notes);
    }

    /// Adds a machine. Two files may know the same one.
    fn machine(&mut self, machine: Machine) {
        if machine.public.is_none() && machine.private.is_none() {
            return;
        }
        let same = |known: &&mut Machine| {
            known.role == machine.role
                && (known.private == machine.private || known.role == NodeRole::Openvidu)
        };
        match self.machines.iter_mut().find(same) {
            Some(known) => {
                known.public = known.public.or(machine.public);
                known.private = known.private.or(machine.private);
            }
            None => self.machines.push(machine),
        }
    }

    /// The flags, with what the installation says where they say nothing, and what a person should know.
    ///
    /// # Errors
    /// If a cluster may be Elastic or High Availability, and no flag says which.
    pub fn complete(
        mut self,
        flags: Flags,
    ) -> Result<(Flags, FileNotes, Vec<InstallationNote>), Complaint> {
        let mut flags = flags;
        self.names(&mut flags);
        self.deployment_type(&mut flags)?;
        if let Some(Found { value, place }) = self.engine.take() {
            self.fill(&mut flags.rtc_engine, value, place, "--rtc-engine");
        }
        self.guide_and_modules(&mut flags);
        let private_only = self.nodes(&mut flags);
        self.policy(&mut flags);
        let mut about = vec![format!("Made from {}.", self.files.join(", "))];
        about.extend(self.notes.iter().map(|note| format!("CHECK {note}")));
        Ok((flags, FileNotes { about, private_only }, self.notes))
    }

    /// Sets a flag that is not set. If it is, and says something else, this is noted.
    fn fill<T: PartialEq>(
        &mut self,
        flag: &mut Option<T>,
        value: T,
        place: String,
        name: &'static str,
    ) {
        match flag {
            None => *flag = Some(value),
            Some(set) if *set != value => self.note(place, Trouble::DiffersFromFlag(name)),
            Some(_) => {}
        }
    }

    fn names(&mut self, flags: &mut Flags) {
        if flags.domain_name.is_none() {
            flags.domain_name = flags.domain.take();
        }
        if let Some(Found { value, place }) = self.domain.take() {
            self.fill(&mut flags.domain_name, value, place, "the domain name on the command line");
        }
        if let Some(Found { value, place }) = self.turn_domain.take() {
            if Some(&value) == flags.domain_name.as_ref() {
                self.note(place, Trouble::TurnDomainIsDomain);
            } else {
                self.fill(&mut flags.turn_domain_name, value, place, "--turn-domain-name");
            }
        }
    }

    fn deployment_type(&mut self, flags: &mut Flags) -> Result<(), Complaint> {
        if let Some(Found { value, place }) = self.topology.take() {
            self.fill(&mut flags.topology, value, place, "--topology");
        }
        let knows_media = self.machines.iter().any(|machine| machine.role == NodeRole::Media);
        match (&self.is_cluster, flags.topology) {
            (Some(place), None) => {
                let more = if knows_media { "the Master Nodes'" } else { "every node's" };
                Err(Complaint::new(
                    "this deployment has several machines; the files do not say whether it is Elastic \
                     or High Availability",
                    Place::Path(place.clone()),
                )
                .with_help(format!(
                    "add --topology elastic or --topology high-availability, or read {more} files, too"
                )))
            }
            (Some(_), Some(_)) | (None, Some(_)) => Ok(()),
            (None, None) => {
                flags.topology = Some(Topology::SingleNode);
                Ok(())
            }
        }
    }

    fn guide_and_modules(&mut self, flags: &mut Flags) {
        let modules = self.modules.take().or(self.profiles.take());
        if let Some(Found { value: version, place }) = self.version.take() {
            let edition = version.edition();
            if edition.word() != version.to_string() {
                self.note(place.clone(), Trouble::OtherEdition { version, edition });
            }
            self.fill(&mut flags.guide, edition, place, "--guide");
        }
        let Some(Found { value: modules, place }) = modules else { return };
        let has_all =
            |edition: &Edition| modules.iter().all(|module| edition.modules().contains(module));
        if flags.guide.is_none()
            && let Some(edition) = Edition::ALL.into_iter().rev().find(has_all)
            && Edition::ALL.iter().any(|edition| !has_all(edition))
        {
            self.note(place.clone(), Trouble::GuessedEdition { edition });
            flags.guide = Some(edition);
        }
        let edition = flags.guide.unwrap_or(Edition::NEWEST);
        let (of_edition, others): (Vec<Module>, Vec<Module>) =
            modules.into_iter().partition(|module| edition.modules().contains(module));
        for module in others {
            self.note(place.clone(), Trouble::NoSuchModule { module, edition });
        }
        let modules = ModuleList(of_edition.into_iter().collect());
        self.fill(&mut flags.enabled_modules, modules, place, "--enabled-modules");
    }

    /// The machines of which a public address is known become flags. The others are returned.
    fn nodes(&mut self, flags: &mut Flags) -> Vec<PrivateOnly> {
        let topology = flags.topology.unwrap_or(Topology::SingleNode);
        let mut private_only = Vec::new();
        for role in topology.roles() {
            let machines: Vec<Machine> =
                self.machines.iter().filter(|machine| machine.role == *role).cloned().collect();
            let are_several = topology.most(*role).is_none();
            for (index, machine) in machines.iter().enumerate() {
                let number = index + 1;
                let name = if are_several { format!("{role}-{number}") } else { role.to_string() };
                let name: NodeName = name.parse().expect("a role and a number are a name");
                let is_declared = flags.node.iter().any(|node| node.name == name);
                let addresses: Vec<IpAddr> = machine.private.into_iter().collect();
                match machine.public {
                    Some(public) if !is_declared => flags.node.push(NodeFlag {
                        name: name.clone(),
                        role: are_several.then_some(*role),
                        addresses: vec![public],
                    }),
                    None if !is_declared => {
                        private_only.push(PrivateOnly { name, role: *role, addresses });
                        continue;
                    }
                    Some(_) | None => {}
                }
                let is_known = flags.private_address.iter().any(|flag| flag.node == name);
                if !is_known && !addresses.is_empty() && machine.public != machine.private {
                    flags.private_address.push(PrivateFlag { node: name, addresses });
                }
            }
        }
        private_only
    }

    /// Leaves out a policy that needs a TURN domain if there is none.
    fn policy(&mut self, flags: &mut Flags) {
        let place = self.main_file.clone();
        match (flags.policy, place) {
            _ if flags.turn_domain_name.is_some() => {}
            (Some(policy), place) if policy.leaves_turns_alone() => {
                let place = place.or(self.files.first().cloned()).unwrap_or_default();
                self.note(place, Trouble::PolicyWithoutTurnDomain { policy });
                flags.policy = None;
            }
            (_, Some(place)) => self.note(place, Trouble::NoTurnDomain),
            // The machine of these files does not need to know it.
            (_, None) => {}
        }
    }
}

/// Keeps the first value. Another one is noted.
fn keep<T: PartialEq>(
    kept: &mut Option<Found<T>>,
    value: Option<T>,
    place: String,
    what: &'static str,
    notes: &mut Vec<InstallationNote>,
) {
    let Some(value) = value else { return };
    match kept {
        None => *kept = Some(Found { value, place }),
        Some(known) if known.value != value => {
            let trouble = Trouble::Disagrees { what, with: known.place.clone() };
            notes.push(InstallationNote { place, trouble });
        }
        Some(_) => {}
    }
}

/// Whether a value is a variable or a placeholder of the guide's command.
fn is_unfilled(text: &str) -> bool {
    text.contains('$') || text.contains('<') || text == "xxxxx"
}

fn topology_called(text: &str) -> Option<Topology> {
    match text {
        "elastic" => Some(Topology::Elastic),
        "ha" => Some(Topology::HighAvailability),
        single if single.starts_with("single") => Some(Topology::SingleNode),
        _ => None,
    }
}

fn role_called(text: &str) -> NodeRole {
    match text {
        "master-node" => NodeRole::Master,
        "media-node" => NodeRole::Media,
        _ => NodeRole::Openvidu,
    }
}

#[cfg(test)]
mod tests;
