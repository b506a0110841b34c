//! One line per check: how it went, what was seen, and what to do about it.

use std::fmt;

use serde_json::{Value, json};

/// How a check went.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Mark {
    Ok,
    Warn,
    Fail,
}

impl Mark {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// A check.
#[derive(Clone, Debug)]
pub(crate) struct Check {
    name: &'static str,
    mark: Mark,
    said: String,
    next: Option<String>,
}

impl Check {
    /// It is as it should be.
    pub(crate) fn ok(name: &'static str, said: impl Into<String>) -> Self {
        Self { name, mark: Mark::Ok, said: said.into(), next: None }
    }

    /// It works, or may; somebody should look.
    pub(crate) fn warn(name: &'static str, said: impl Into<String>, next: impl Into<String>) -> Self {
        Self { name, mark: Mark::Warn, said: said.into(), next: Some(next.into()) }
    }

    /// Messages do not get through like that.
    pub(crate) fn fail(name: &'static str, said: impl Into<String>, next: impl Into<String>) -> Self {
        Self { name, mark: Mark::Fail, said: said.into(), next: Some(next.into()) }
    }
}

/// The checks of one partner, in their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Checks(Vec<Check>);

impl Checks {
    pub(crate) fn add(&mut self, check: Check) {
        self.0.push(check);
    }

    /// The worst of them.
    pub(crate) fn worst(&self) -> Mark {
        self.0.iter().map(|check| check.mark).max().unwrap_or(Mark::Ok)
    }

    pub(crate) fn to_json(&self) -> Vec<Value> {
        let check = |check: &Check| {
            json!({
                "check": check.name,
                "result": check.mark.as_str(),
                "said": check.said,
                "next": check.next,
            })
        };
        self.0.iter().map(check).collect()
    }
}

impl fmt::Display for Checks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What servers say goes to a terminal: without control characters.
        let clean =
            |text: &str| text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
        for check in &self.0 {
            let mark = if check.mark == Mark::Fail { "FAIL" } else { check.mark.as_str() };
            writeln!(f, "  {mark:<5} {:<19} {}", check.name, clean(&check.said))?;
            if let Some(next) = &check.next {
                writeln!(f, "        {:<19} → {}", "", clean(next))?;
            }
        }
        Ok(())
    }
}
