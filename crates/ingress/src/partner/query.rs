//! What may follow the question mark: known names, once each, of bounded length. A misspelt name is an error, because
//! what it was meant to say would be ignored without a word.

use oicp::service;

use super::fault::PartnerFault;

/// The longest query that is read, in bytes.
const LONGEST: usize = 512;

/// The values of these names, decoded, in their order; `None` where one is not given.
///
/// # Errors
/// [`PartnerFault::Query`].
pub(crate) fn read<const N: usize>(
    query: Option<&str>,
    names: [&str; N],
) -> Result<[Option<String>; N], PartnerFault> {
    let query = query.unwrap_or_default();
    if query.len() > LONGEST {
        return Err(PartnerFault::Query(format!("the query is longer than {LONGEST} bytes")));
    }
    let mut values = [const { None }; N];
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let slot = names.iter().zip(&mut values).find(|(known, _)| **known == name);
        let Some((_, slot)) = slot else { return Err(unknown(name, &names)) };
        let value = service::decoded(value)
            .ok_or_else(|| PartnerFault::Query(format!("the percent-encoding of {name}=… is broken")))?;
        if slot.replace(value).is_some() {
            return Err(PartnerFault::Query(format!("{name} is given twice; give it once")));
        }
    }
    Ok(values)
}

fn unknown(name: &str, names: &[&str]) -> PartnerFault {
    let name: String = name.chars().take(40).collect();
    PartnerFault::Query(match names {
        [] => format!("{name:?} means nothing here; this address takes no parameters"),
        names => format!("{name:?} means nothing here; the parameters are {}", names.join(", ")),
    })
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn values_are_decoded_and_a_plus_is_no_blank() {
        let [after, limit] = read(Some("limit=%31+0&&after="), ["after", "limit"]).unwrap();
        assert_eq!((after.as_deref(), limit.as_deref()), (Some(""), Some("1+0")));
        assert_eq!(read(None, ["after"]).unwrap(), [None]);
    }

    #[test]
    fn what_is_misspelt_doubled_broken_or_endless_is_named() {
        let told = |query: &str| read(Some(query), ["after", "limit"]).unwrap_err().in_words();
        assert!(told("afer=1").contains("\"afer\"") && told("afer=1").contains("after, limit"));
        assert!(told("after=1&after=2").contains("twice"));
        assert!(told("after=%zz").contains("percent"));
        assert!(told(&format!("after={}", "1".repeat(600))).contains("512"));
    }
}
