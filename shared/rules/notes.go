package rules

import "groupwriteback/shared/directory"

// Notes says what the rules allow that is perhaps not meant: limits that limit nothing, a
// scope that names nobody.
func (r *Rules) Notes() (notes []string) {
	l := r.Limits
	for _, n := range []struct {
		so   bool
		text string
	}{
		{!r.Scope.All && len(r.Scope.Groups) == 0 && r.Scope.MembersOf == directory.ID{}, "scope is an empty list: no group is written"},
		{l.MemberShare >= 1, "limits.member_share is 100: no limit keeps a group from losing all but one of its members"},
		{l.Share >= 1, "limits.share is 100: no limit keeps all memberships from being removed and all groups from being retired"},
		{l.GrowthShare >= 10, "limits.growth_share is 1000: no limit keeps memberships from growing tenfold"},
	} {
		if n.so {
			notes = append(notes, n.text)
		}
	}
	return notes
}
