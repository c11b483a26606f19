//! Whether something holds, does not, or cannot be said.

use super::problem::Fault;

/// The value of an expression. What cannot be said spoils only what depends on it: one side of OR that holds is
/// enough, one side of AND that does not is enough. So the order of evaluation changes no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Truth {
    False,
    True,
    Unknown(Fault),
}

impl Truth {
    /// Whether all hold.
    pub(crate) fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut result = Self::True;
        for part in parts {
            match part {
                Self::False => return Self::False,
                Self::True => {}
                Self::Unknown(_) => result = part,
            }
        }
        result
    }

    /// Whether one holds.
    pub(crate) fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut result = Self::False;
        for part in parts {
            match part {
                Self::True => return Self::True,
                Self::False => {}
                Self::Unknown(_) => result = part,
            }
        }
        result
    }
}

impl From<Result<bool, Fault>> for Truth {
    fn from(result: Result<bool, Fault>) -> Self {
        match result {
            Ok(true) => Self::True,
            Ok(false) => Self::False,
            Err(fault) => Self::Unknown(fault),
        }
    }
}
