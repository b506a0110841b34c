//! Why a text is not an identifier. One small value per kind, because the remedy is always the same: the form.

use std::fmt;

/// A text that is not the identifier it should be. The message shows the expected form and an example, never the
/// text itself, which may be personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdError {
    kind: &'static str,
    form: &'static str,
    example: &'static str,
}

impl IdError {
    pub(super) const OPERATOR: Self = Self {
        kind: "OperatorID",
        form: "country and three characters, or calling code, star and three digits",
        example: "DE*ABC or +49*810",
    };
    pub(super) const PROVIDER: Self =
        Self { kind: "ProviderID", form: "country and three characters", example: "DE-DCB or DE*DCB" };
    pub(super) const EVSE: Self = Self {
        kind: "EvseID",
        form: "operator, E and 1 to 30 characters or stars, or DIN operator, star and 1 to 32 digits or stars",
        example: "DE*AB7*E840*6487 or +49*810*000*438",
    };
    pub(super) const EVCO: Self = Self {
        kind: "EvcoID",
        form: "provider, C, eight characters and a check character, or provider, six characters and a check digit",
        example: "DE-8EO-CAet5e4XY-3 or DE*8EO*Aet5e4*3",
    };
    pub(super) const UID: Self =
        Self { kind: "UID", form: "8, 14 or 20 hexadecimal digits", example: "044A2DAA856280" };
    pub(super) const SESSION: Self = Self {
        kind: "SessionID",
        form: "36 characters in the layout of a UUID",
        example: "b2688855-7f00-0002-6d8e-48d883f6abb6",
    };
}

impl fmt::Display for IdError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "not {} {}: expected {}, such as {}", self.article(), self.kind, self.form, self.example)
    }
}

impl IdError {
    fn article(self) -> &'static str {
        if self.kind.starts_with(['O', 'E']) { "an" } else { "a" }
    }
}

impl std::error::Error for IdError {}
