//! Everywhere that people and machines can look.

use crate::planted::assert_clean;
use crate::stage::Stage;

/// Reads of the console, without permission to see more.
const PAGES: [&str; 12] = [
    "/",
    "/healthz",
    "/readyz",
    "/metrics",
    "/api/v1/refusals",
    "/api/v1/refusals?limit=1000",
    "/api/v1/lanes",
    "/api/v1/mandates",
    "/api/v1/replays",
    "/api/v1/ghosts",
    "/api/v1/ghosts/blocked",
    "/api/v1/differences",
];

/// Commands that look.
const COMMANDS: [&[&str]; 16] = [
    &["inspect", "--refused", "--limit", "1000"],
    &["inspect", "--refused", "--limit", "1000", "--json"],
    &["inspect", "--uploads"],
    &["inspect", "--uploads", "--json"],
    &["lanes"],
    &["lanes", "--json"],
    &["ghosts"],
    &["ghosts", "--json"],
    &["ghosts", "--blocked"],
    &["differences"],
    &["differences", "--json"],
    &["mandates"],
    &["retention", "--dry-run"],
    &["retention", "--dry-run", "--json"],
    &["retention", "--records"],
    &["replay", "--list"],
];

impl Stage {
    /// Looks everywhere, and fails where a planted value is shown. Returns how many places there were.
    pub(crate) async fn look_everywhere(&self) -> usize {
        let mut places = 0;
        let mut look = |place: &str, text: &str| {
            assert_clean(place, text);
            places += 1;
        };
        look("the log", &self.hub.log());
        for path in PAGES {
            let api = path.starts_with("/api/");
            let shown = if api { self.hub.get_admin(path).await } else { self.hub.get_console(path).await };
            assert_ne!(shown.status, 401, "{path}: {shown:?}");
            look(path, &shown.text());
        }
        for message in self.webhook.messages() {
            look("a webhook", &message.to_string());
        }
        for command in COMMANDS {
            let ended = self.program(command, "").await;
            look(&command.join(" "), &format!("{} {}", ended.stdout, ended.stderr));
        }
        let ids: Vec<&String> = self.processes.iter().chain(&self.sessions).collect();
        for id in ids {
            for kind in ["messages", "sessions"] {
                look(kind, &self.hub.get_admin(&format!("/api/v1/{kind}/{id}")).await.text());
            }
            for arguments in [vec!["inspect", id], vec!["inspect", id, "--json"]] {
                let ended = self.program(&arguments, "").await;
                look("inspect", &format!("{} {}", ended.stdout, ended.stderr));
            }
            for partner in ["operators/DE*ABC", "providers/DE-DCB"] {
                let one = self.operator.get(&format!("/api/hub/v1/{partner}/receipts/{id}")).await;
                let of_session =
                    self.operator.get(&format!("/api/hub/v1/{partner}/receipts?session={id}")).await;
                look("a receipt", &format!("{} {}", one.text(), of_session.text()));
            }
        }
        places
    }
}
