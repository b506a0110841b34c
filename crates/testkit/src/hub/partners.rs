//! A partners file with which a hub can be tested.

/// Operators `DE*ABC` (with sub-operator `DE*XYZ`) and `DE*QQQ`, provider `DE-DCB` at this address, and a contract of
/// `DE*ABC` with it.
#[must_use]
pub fn partners_toml(provider_url: &str) -> String {
    partners_toml_with(provider_url, "")
}

/// The same with more lines for the provider, such as `retry = ["1s"]`.
#[must_use]
pub fn partners_toml_with(provider_url: &str, provider_lines: &str) -> String {
    format!(
        r#"[[operator]]
id = "DE*ABC"
name = "ABC Charging"
sub_operators = ["DE*XYZ"]

[[operator]]
id = "DE*QQQ"
name = "QQQ Charging"

[[provider]]
id = "DE-DCB"
name = "DCB Mobility"
url = "{provider_url}"
services = ["authorization", "notifications"]
{provider_lines}

[[contract]]
operator = "DE*ABC"
provider = "DE-DCB"
services = ["authorization"]
"#
    )
}
