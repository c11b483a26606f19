//! Whether a build of Exchange was open to a hole: arithmetic on build numbers, by the facts in `data/`.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A build number, `15.1.2176.2`; padded forms (`15.01.2176.002`) are the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BuildNumber([u32; 4]);

impl FromStr for BuildNumber {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = [0; 4];
        let mut count = 0;
        for part in text.trim().split('.') {
            *parts.get_mut(count).ok_or(())? = part.parse().map_err(|_| ())?;
            count += 1;
        }
        // Logs that belong to no build say 15.0.0.0 or 1.0.
        let real = count == 4 && parts[0] >= 8 && parts[2] > 0;
        real.then_some(Self(parts)).ok_or(())
    }
}

impl fmt::Display for BuildNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, build, revision] = self.0;
        write!(f, "{major}.{minor}.{build}.{revision}")
    }
}

/// `data/exchange-builds.json`.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Builds {
    #[serde(rename = "builds")]
    known: Vec<KnownBuild>,
    /// For each CVE, the first fixed build of each cumulative update.
    fixed: BTreeMap<String, Fixed>,
    #[serde(skip)]
    by_number: BTreeMap<BuildNumber, usize>,
}

/// Build, product, cumulative update, security update, date of release.
type KnownBuild = (String, String, Option<String>, Option<String>, Option<String>);

#[derive(Debug, Clone, Deserialize)]
struct Fixed {
    min_build: BTreeMap<String, String>,
    /// Products that have the hole at all.
    #[serde(default)]
    products: Vec<String>,
    #[serde(default)]
    born_fixed: BTreeMap<String, String>,
}

impl Builds {
    /// Reads the facts.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let mut builds: Self = serde_json::from_str(text)?;
        builds.by_number = builds
            .known
            .iter()
            .enumerate()
            .filter_map(|(index, build)| Some((build.0.parse().ok()?, index)))
            .collect();
        Ok(builds)
    }

    /// `Exchange2016 CU19 Mar21SU` of a build, where it is known. HttpProxy writes the revision of the front end,
    /// which can be an interim update: then the newest known build below it in the same cumulative update names it.
    pub fn name(&self, build: BuildNumber) -> Option<String> {
        let (_, index) = self.nearest(build)?;
        let (_, product, cu, su, _) = &self.known[index];
        let parts = [Some(product), cu.as_ref(), su.as_ref()];
        Some(parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" "))
    }

    fn nearest(&self, build: BuildNumber) -> Option<(BuildNumber, usize)> {
        let (&number, &index) = self.by_number.range(..=build).next_back()?;
        (number.0[..3] == build.0[..3]).then_some((number, index))
    }

    /// Whether `build` lacks the fix for `cve`; none where the facts do not say.
    pub fn is_vulnerable(&self, build: BuildNumber, cve: &str) -> Option<bool> {
        let fixed = self.fixed.get(cve)?;
        let product = product(build)?;
        if !fixed.products.is_empty() && !fixed.products.iter().any(|name| name == product) {
            return Some(false);
        }
        let born = fixed.born_fixed.get(product).and_then(|number| number.parse::<BuildNumber>().ok());
        if born.is_some_and(|born| build >= born) {
            return Some(false);
        }
        // Security updates of one cumulative update share its first three numbers.
        let of_this_cu = fixed.min_build.values().filter_map(|number| number.parse::<BuildNumber>().ok());
        let fix = of_this_cu.filter(|fix| fix.0[..3] == build.0[..3]).min();
        Some(fix.is_none_or(|fix| build < fix))
    }
}

/// The product of a build, by its first two numbers.
fn product(build: BuildNumber) -> Option<&'static str> {
    match build.0 {
        [15, 0, ..] => Some("Exchange2013"),
        [15, 1, ..] => Some("Exchange2016"),
        [15, 2, third, _] if third < 2500 => Some("Exchange2019"),
        [15, 2, ..] => Some("ExchangeSE"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACTS: &str = r#"{"builds": [["15.1.2176.2","Exchange2016","CU19",null,"2020-12-15"],
        ["15.1.2176.9","Exchange2016","CU19","Mar21SU","2021-03-02"],["15.1.2242.4","Exchange2016","CU20",null,"2021-03-16"]],
        "fixed": {"CVE-2021-26855": {"min_build": {"Exchange2016 CU19": "15.1.2176.9"}, "born_fixed": {"Exchange2016": "15.1.2242.4"}}}}"#;

    #[track_caller]
    fn check(build: &str, expected: Option<bool>) {
        let builds = Builds::parse(FACTS).unwrap();
        assert_eq!(builds.is_vulnerable(build.parse().unwrap(), "CVE-2021-26855"), expected, "{build}");
    }

    #[test]
    fn builds_against_the_fix() {
        check("15.01.2176.002", Some(true));
        check("15.1.2176.9", Some(false));
        check("15.1.2242.4", Some(false));
        check("15.1.2507.6", Some(false));
        check("15.1.1913.5", Some(true));
    }

    #[test]
    fn constants_of_other_logs_are_no_builds() {
        assert!("15.0.0.0".parse::<BuildNumber>().is_err());
        assert!("1.0".parse::<BuildNumber>().is_err());
        let build: BuildNumber = "15.01.2176.002".parse().unwrap();
        assert_eq!(build.to_string(), "15.1.2176.2");
        assert_eq!(Builds::parse(FACTS).unwrap().name(build).as_deref(), Some("Exchange2016 CU19"));
    }
}
