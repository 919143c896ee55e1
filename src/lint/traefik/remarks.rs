//! Places where Traefik does not do what the words of its configuration seem to say.

use super::config::{Config, Part};
use crate::lint::nodes;
use crate::lint::source::{Sources, Span};
use crate::model::facts::{ProxyRemark, ProxyRemarkKind, ServerText};

/// Such places of a configuration, in the order of the text.
pub fn remarks_of(config: &Config<'_>, roots: &[Part<'_>], sources: &Sources) -> Vec<ProxyRemark> {
    let mut found: Vec<(Span, ProxyRemarkKind)> = Vec::new();
    for root in roots {
        nodes::templates(root.node, root.file, &mut found);
    }
    for router in &config.routers {
        let names = router.tree.iter();
        let names = names.flat_map(|tree| [tree.names("HostSNI"), tree.names("Host")].concat());
        let examples = names.filter_map(|name| nodes::example_name(&name));
        found.extend(examples.map(|example| (router.rule.at, example)));
        let unused = config.unused(router).into_iter();
        found.extend(unused.map(|(at, why)| {
            let router = ServerText::new(router.name);
            (at, ProxyRemarkKind::UnusedRouter { router, why })
        }));
    }
    for entry_point in &config.entry_points {
        let Some(part) = entry_point.part else { continue };
        for key in ["proxyProtocol", "forwardedHeaders"] {
            let Some(reader) = part.get(key) else { continue };
            if let Some(all) = reader.get("insecure").filter(|_| reader.is_true("insecure")) {
                found
                    .push((all.at(), ProxyRemarkKind::TrustsEveryone(ServerText::new("insecure"))));
            }
            for range in reader.texts("trustedIPs") {
                if matches!(range.name, "0.0.0.0/0" | "::/0") {
                    let what = ProxyRemarkKind::TrustsEveryone(ServerText::new(range.name));
                    found.push((range.at, what));
                }
            }
        }
    }
    nodes::remarks(found, sources)
}
