//! What this program may do besides reading its sockets: nothing.

use std::fs;
use std::io;

use nix::unistd::{Gid, Uid, geteuid, setgroups, setresgid, setresuid};
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities, set_no_new_privs};

/// The user and the group that own nothing.
const NOBODY: u32 = 65_534;

/// Gives up every privilege, for good. Must be called before a thread starts: `no_new_privs` and
/// capabilities are those of a thread.
///
/// # Errors
/// If a capability would stay.
pub fn drop_all() -> io::Result<()> {
    if geteuid().is_root() {
        // Not possible in a container that has only the capability for raw sockets. What matters is
        // gone with the capabilities below.
        let become_nobody = || -> nix::Result<()> {
            setgroups(&[])?;
            let group = Gid::from_raw(NOBODY);
            setresgid(group, group, group)?;
            let user = Uid::from_raw(NOBODY);
            setresuid(user, user, user)
        };
        become_nobody().or_else(|refused| match refused {
            nix::errno::Errno::EPERM | nix::errno::Errno::EINVAL => Ok(()),
            other => Err(other),
        })?;
    }
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })?;
    set_no_new_privs(true)?;
    // The kernel's word, and not the calls'.
    let status = fs::read_to_string("/proc/self/status")?;
    match has_capability(&status) {
        false => Ok(()),
        true => Err(io::Error::other("a capability is left")),
    }
}

/// Whether the thread of a `/proc/PID/status` has a capability, or can get one back.
fn has_capability(status: &str) -> bool {
    let of = |name| status.lines().find_map(|line: &str| line.strip_prefix(name));
    ["CapPrm:", "CapEff:"].into_iter().any(|name| {
        // One that is not told counts as there.
        of(name).is_none_or(|set| set.trim().chars().any(|digit| digit != '0'))
    })
}

#[cfg(test)]
mod tests {
    use super::has_capability;

    #[test]
    fn a_capability_that_is_left_is_seen() {
        let status = |permitted, effective| {
            format!("Name:\tovcheck\nCapPrm:\t{permitted}\nCapEff:\t{effective}\nCapBnd:\t01ff\n")
        };
        assert!(!has_capability(&status("0000000000000000", "0000000000000000")));
        assert!(has_capability(&status("0000000000002000", "0000000000000000")));
        assert!(has_capability(&status("0000000000000000", "0000000000002000")));
        assert!(has_capability("Name:\tovcheck\n"));
    }
}
