//! Access rules by the owner of a request.

use std::collections::BTreeSet;

use crate::proto::Fault;

/// Access rules of an engine's directory by the owner of a request: the user that the transport or
/// [`Hooks::on_request`](super::Hooks::on_request) identified. A request without an owner matches no list.
///
/// The default allows everything except overwriting.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Access {
    /// The users that may send requests. `None` (the default): all.
    pub users: Option<BTreeSet<String>>,
    /// The users among them that may create sessions. `None` (the default): all. The others can continue and
    /// end their existing sessions.
    pub creators: Option<BTreeSet<String>>,
    /// The users that may replace files even without [`EngineConfig::allow_overwrite`](super::EngineConfig).
    pub overwriters: BTreeSet<String>,
}

setters! {
    Access {
        users: impl Into<Option<BTreeSet<String>>>,
        creators: impl Into<Option<BTreeSet<String>>>,
        overwriters: BTreeSet<String>,
    }
}

impl Access {
    /// Checks that the user may send requests.
    pub(super) fn check_user(&self, owner: Option<&str>) -> Result<(), Fault> {
        check_list(self.users.as_ref(), owner, "the user may not use this directory")
    }

    /// Checks that the user may create sessions.
    pub(super) fn check_creator(&self, owner: Option<&str>) -> Result<(), Fault> {
        check_list(self.creators.as_ref(), owner, "the user may not create uploads in this directory")
    }

    pub(super) fn may_overwrite(&self, owner: Option<&str>) -> bool {
        owner.is_some_and(|owner| self.overwriters.contains(owner))
    }
}

fn check_list(
    list: Option<&BTreeSet<String>>,
    owner: Option<&str>,
    reason: &'static str,
) -> Result<(), Fault> {
    match list {
        Some(list) if !owner.is_some_and(|owner| list.contains(owner)) => Err(Fault::denied(reason)),
        _ => Ok(()),
    }
}
