//! Who may do what, by the owner that a request has.

use std::collections::BTreeSet;

use crate::proto::Fault;

/// Who may do what in an engine's directory, by the owner of the request: the user that the transport or a hook
/// named. A request without an owner is on no list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// Who may do anything at all; without a list everybody may.
    pub users: Option<BTreeSet<String>>,
    /// Who of them may begin an upload; without a list all of them may. The others may end what they began.
    pub creators: Option<BTreeSet<String>>,
    /// Who may replace files even where others may not.
    pub overwriters: BTreeSet<String>,
}

impl Access {
    pub(super) fn admit(&self, owner: Option<&str>) -> Result<(), Fault> {
        listed(self.users.as_ref(), owner, "the user may not use this directory")
    }

    pub(super) fn may_create(&self, owner: Option<&str>) -> Result<(), Fault> {
        listed(self.creators.as_ref(), owner, "the user may not begin uploads in this directory")
    }

    pub(super) fn may_overwrite(&self, owner: Option<&str>) -> bool {
        owner.is_some_and(|owner| self.overwriters.contains(owner))
    }
}

fn listed(list: Option<&BTreeSet<String>>, owner: Option<&str>, why_not: &'static str) -> Result<(), Fault> {
    match list {
        Some(list) if !owner.is_some_and(|owner| list.contains(owner)) => Err(Fault::denied(why_not)),
        _ => Ok(()),
    }
}
