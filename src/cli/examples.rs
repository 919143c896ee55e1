//! The examples in the help of each subcommand.

use clap::Command;

/// The examples of a subcommand whose help has none of its own.
const EXAMPLES: &[(&str, &str)] = &[
    (
        "check",
        "  ovcheck check openvidu.example.io
  ovcheck check openvidu.example.io --turn-domain-name turn.example.io \\
      --node proxy=203.0.113.10 --node openvidu=203.0.113.20 --policy forced-turn
  ovcheck check --config ovcheck.toml --output json=report.json --output html=report.html
  ovcheck check --config ovcheck.toml --api-key KEY --api-secret-file secret.txt
  ovcheck check --config ovcheck.toml --via ssh:master --via ssh:admin@203.0.113.31
  ovcheck check --config ovcheck.toml --responder openvidu --responder-token-file token.txt",
    ),
    ("icinga", "  ovcheck icinga --config /etc/ovcheck.toml"),
    (
        "call",
        "  ovcheck call openvidu.example.io --token-file token.txt
  ovcheck call openvidu.example.io --token-file token.txt --letter",
    ),
    (
        "listen",
        "  ovcheck listen
  ovcheck listen --for 15m --token-file token.txt --output node-1.json",
    ),
    (
        "plan",
        "  ovcheck plan openvidu.example.io --node openvidu=203.0.113.20
  ovcheck plan --config ovcheck.toml
  ovcheck plan --config ovcheck.toml --vantages",
    ),
    (
        "explain",
        "  ovcheck explain ports/openvidu-udp-443
  ovcheck explain firewall
  ovcheck explain no sound",
    ),
    (
        "rules",
        "  ovcheck rules ports --topology elastic --guide 3.9
  ovcheck rules --diff 3.2 3.9 --topology elastic",
    ),
    (
        "host",
        "  sudo ovcheck host --config ovcheck.toml
  sudo ovcheck host --config ovcheck.toml --machine media-1 --output json=host.json",
    ),
    (
        "lint",
        "  ovcheck lint
  ovcheck lint proxy /etc/nginx/nginx.conf
  nginx -T | ovcheck lint proxy -
  ovcheck lint openvidu /opt/openvidu/config
  ovcheck lint --root customer/ --output json=lint.json",
    ),
    (
        "serve",
        "  ovcheck serve --demo
  ovcheck serve --config /etc/ovcheck/serve.toml --check-config
  ovcheck serve --config /etc/ovcheck/serve.toml --listen 127.0.0.1:9717",
    ),
    (
        "visit",
        "  ovcheck visit --note ticket-81
  ovcheck visit --note ticket-82 --server 192.0.2.10:9717 --token-file operator-token",
    ),
    (
        "history",
        "  ovcheck history /var/lib/ovcheck/history.sqlite
  ovcheck history /var/lib/ovcheck/history.sqlite main --since 7d
  ovcheck history /var/lib/ovcheck/history.sqlite main --runs --module full
  ovcheck history /var/lib/ovcheck/history.sqlite --changes 120 124
  ovcheck history /var/lib/ovcheck/history.sqlite --report 124 | ovcheck render - --format html > report.html",
    ),
    (
        "evaluate",
        "  ovcheck evaluate run.rec --guide 3.9
  ovcheck evaluate run.rec --output html=report.html",
    ),
    (
        "merge",
        "  ovcheck merge internet.rec proxy.rec master.rec media-1.rec media-2.rec
  ovcheck merge *.rec --min-coverage 0.95 --output html=report.html",
    ),
    ("diff", "  ovcheck diff old.json new.json"),
    ("summary", "  ovcheck summary reports/"),
    (
        "schema",
        "  ovcheck schema report > report.schema.json
  ovcheck schema config > ovcheck.schema.json
  ovcheck schema visit > visit.schema.json",
    ),
    (
        "completions",
        "  ovcheck completions bash > /etc/bash_completion.d/ovcheck
  ovcheck completions zsh > ~/.zfunc/_ovcheck
  ovcheck completions fish > ~/.config/fish/completions/ovcheck.fish",
    ),
    (
        "man",
        "  ovcheck man | man -l -
  ovcheck man check | man -l -
  ovcheck man --output-dir /usr/local/share/man/man1",
    ),
    #[cfg(feature = "demo")]
    (
        "demo",
        "  ovcheck demo
  ovcheck demo --fault turn-backend-down",
    ),
];

/// The command line with the examples in front of what else its help says at the end.
pub fn in_help_of(command: Command) -> Command {
    EXAMPLES.iter().fold(command, |command, (name, examples)| {
        command.mut_subcommand(name, |subcommand| {
            let rest = subcommand.get_after_help().map(|rest| format!("\n\n{rest}"));
            let rest = rest.unwrap_or_default();
            subcommand.after_help(format!("Examples:\n{examples}{rest}"))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::super::command;

    /// The commands in a text, without what a shell does with their output.
    fn examples(help: &str) -> Vec<Vec<String>> {
        let lines = help.replace("\\\n", " ");
        let of_ovcheck = lines.lines().filter_map(|line| line.strip_prefix("  ovcheck "));
        let words = of_ovcheck.filter(|line| !line.contains('…')).map(|line| {
            let words = line.split_whitespace();
            words.take_while(|word| !["|", ">", "#"].contains(word)).map(str::to_owned).collect()
        });
        words.collect()
    }

    #[test]
    fn every_subcommand_has_examples_that_are_valid() {
        for subcommand in command().get_subcommands() {
            let help = subcommand.get_after_help().map(ToString::to_string).unwrap_or_default();
            let name = subcommand.get_name();
            assert!(help.starts_with("Example"), "{name}: {help}");
            for words in examples(&help) {
                let line = [vec!["ovcheck".to_owned()], words].concat();
                if let Err(wrong) = command().try_get_matches_from(&line) {
                    panic!("{line:?}: {wrong}");
                }
            }
        }
    }

    #[test]
    fn the_command_line_is_one_that_clap_accepts() {
        command().debug_assert();
    }
}
