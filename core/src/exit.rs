//! Exit codes: a contract that scripts and CI rely on.

/// How a command ended. [`ExitCode::Changes`] and [`ExitCode::Destroys`] come only from `plan` and `diff`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExitCode {
    /// 0: fine, or nothing to change.
    Ok,
    /// 1: the input is wrong.
    Input,
    /// 2: there are changes.
    Changes,
    /// 3: there are changes that destroy or replace something.
    Destroys,
    /// 4: denied, by a policy, a hold or someone else's claim.
    Denied,
    /// 5: the base moved since it was read.
    Stale,
    /// 64: the command line is wrong.
    Usage,
    /// 70: our fault, or the machine's.
    Internal,
}

impl ExitCode {
    /// The number the process exits with.
    pub const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Input => 1,
            Self::Changes => 2,
            Self::Destroys => 3,
            Self::Denied => 4,
            Self::Stale => 5,
            Self::Usage => 64,
            Self::Internal => 70,
        }
    }

    /// The one code for several tenants: the first of 70, 64, 1, 4, 5, 3, 2, 0 that occurred.
    #[must_use]
    pub fn combine(self, other: Self) -> Self {
        if self.rank() <= other.rank() {
            self
        } else {
            other
        }
    }

    const fn rank(self) -> u8 {
        match self {
            Self::Internal => 0,
            Self::Usage => 1,
            Self::Input => 2,
            Self::Denied => 3,
            Self::Stale => 4,
            Self::Destroys => 5,
            Self::Changes => 6,
            Self::Ok => 7,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ExitCode::{Changes, Denied, Destroys, Input, Internal, Ok, Stale};

    #[test]
    fn the_gravest_code_of_several_tenants_wins() {
        let order = [Internal, Input, Denied, Stale, Destroys, Changes, Ok];
        for (i, grave) in order.into_iter().enumerate() {
            for mild in &order[i..] {
                assert_eq!(grave.combine(*mild), grave);
                assert_eq!(mild.combine(grave), grave);
            }
        }
    }
}
