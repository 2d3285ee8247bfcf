//! What all objects of a tenant come to: the cluster's store and the repository are shared by all tenants.

use orz_core::diag::{Diagnostic, Diagnostics, codes};

use crate::lower::Draft;
use crate::platform::Maxima;
use crate::suggest;

/// Reports that the plan allows fewer objects or smaller ones, at the first object that is too much.
pub(super) fn check(drafts: &[Draft], plan: &str, max: &Maxima, problems: &mut Diagnostics) {
    // What a tenant has without asking for it comes first, so that an entry of the bundle is to blame.
    let mut drafts: Vec<&Draft> = drafts.iter().collect();
    drafts.sort_by_key(|draft| draft.part);
    let number = excess(&drafts, u64::from(max.objects), |_| 1);
    let size = excess(&drafts, max.object_bytes, |draft| {
        u64::try_from(draft.value().to_string().len()).unwrap_or(u64::MAX)
    });
    for (what, limit, excess) in [
        ("objects", u64::from(max.objects), number),
        ("bytes of objects", max.object_bytes, size),
    ] {
        let Some((draft, sum)) = excess else { continue };
        let message = format!("{sum} {what} are not in plan `{plan}`, which allows {limit}");
        problems.push(
            Diagnostic::error(&codes::reference::NOT_IN_PLAN, draft.cause, message)
                .label("goes over the plan")
                .object(draft.place(""))
                .help(suggest::ASK_FOR_PLAN),
        );
    }
}

/// The first draft by which the sum of `measure` goes over `limit`, and the sum over all of them.
fn excess<'a>(
    drafts: &[&'a Draft],
    limit: u64,
    measure: impl Fn(&Draft) -> u64,
) -> Option<(&'a Draft, u64)> {
    let mut sum = 0_u64;
    let mut first = None;
    for draft in drafts {
        sum = sum.saturating_add(measure(draft));
        if sum > limit {
            first = first.or(Some(*draft));
        }
    }
    Some((first?, sum))
}
