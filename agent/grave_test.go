package main

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"groupwriteback/shared/ad"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/relay"
)

// TestDeletingNeedsTheWord: nothing is deleted that the owner of the network did not allow.
// Restoring and letting go need no word.
func TestDeletingNeedsTheWord(t *testing.T) {
	for _, test := range []struct {
		op      plan.Op
		policy  policy
		refusal string
	}{
		{plan.Delete, policy{}, "the agent's policy deletes no groups: set policy.delete to true to allow it"},
		{plan.Delete, policy{Delete: true}, ""},
		{plan.Delete, policy{Delete: true, KeepMembers: true}, "the agent's policy is keep_members: with a group that is deleted its members lose what it gives them, whatever policy.delete says"},
		{plan.Delete, policy{Delete: true, ReadOnly: true}, "the agent's policy is read_only: it writes nothing"},
		{plan.Restore, policy{}, ""},
		{plan.Restore, policy{KeepMembers: true}, ""},
		{plan.Restore, policy{ReadOnly: true}, "the agent's policy is read_only: it writes nothing"},
		{plan.Disown, policy{}, ""},
		{plan.Disown, policy{ReadOnly: true}, "the agent's policy is read_only: it writes nothing"},
	} {
		w := newWorld(t)
		w.policy = test.policy
		w.handOut(8, plan.Change{Op: test.op, Group: directory.ID{1}, GUID: "g", Digest: "d"})
		_, err := w.start().turn(t.Context())
		ok(t, err)
		res := w.acks[0].Results[0]
		if (res.Status == plan.Refused) != (test.refusal != "") || res.Text != test.refusal || (len(w.applied) == 1) != (test.refusal == "") {
			t.Errorf("%s, %+v: got %+v, applied %v", test.op, test.policy, res, w.applied)
		}
	}
}

// TestNeverDeletes: a group is not deleted that is named under never, or has a member that
// is, in whichever form the directory names it; nor one of which that is not known.
func TestNeverDeletes(t *testing.T) {
	const guarded, other directory.SID = "S-1-5-21-1-2-3-1104", "S-1-5-21-1-2-3-1105"
	nested := plan.GroupRef(directory.ID{7})
	row := func(sid directory.SID, members ...plan.Ref) ad.Row {
		return ad.Row{SID: sid, Group: plan.Group{ID: directory.ID{1}, GUID: "g", Links: plan.Members(members...)}}
	}
	broken := row(other)
	broken.Trouble = &plan.Trouble{Case: plan.TroubleUnreadable, Text: "cannot be read whole"}
	for name, test := range map[string]struct {
		row  *ad.Row
		sids map[plan.Ref]directory.SID
		want string
	}{
		"nobody of them":       {new(row(other, "S-1-5-21-1-2-3-1106")), nil, ""},
		"empty":                {new(row(other)), nil, ""},
		"the group itself":     {new(row(guarded)), nil, "because of " + string(guarded)},
		"a member":             {new(row(other, "S-1-5-21-1-2-3-1103", plan.SIDRef(guarded))), nil, "because of " + string(guarded)},
		"a group in it":        {new(row(other, nested)), map[plan.Ref]directory.SID{nested: guarded}, "because of mark:"},
		"another group in it":  {new(row(other, nested)), map[plan.Ref]directory.SID{nested: other}, ""},
		"nobody knows who":     {new(row(other, "guid:x")), nil, "cannot be found out"},
		"it cannot be read":    {&broken, nil, "the group cannot be read whole: cannot be read whole"},
		"it is gone meanwhile": {nil, nil, ""},
	} {
		w := newWorld(t)
		w.policy = policy{Delete: true, Never: []string{string(guarded)}}
		w.sids = test.sids
		if test.row != nil {
			w.groups = []ad.Row{*test.row}
		}
		w.handOut(8, plan.Change{Op: plan.Delete, Group: directory.ID{1}, GUID: "g", Digest: "d"})
		_, err := w.start().turn(t.Context())
		ok(t, err)
		res := w.acks[0].Results[0]
		if (len(w.applied) == 0) != (test.want != "") || !strings.Contains(res.Text, test.want) {
			t.Errorf("%s: got %+v, applied %v", name, res, w.applied)
		}
	}
}

// TestNeverDeletesUnread: without an answer it is not known whom the deletion is about.
func TestNeverDeletesUnread(t *testing.T) {
	for _, lost := range []bool{false, true} {
		w := newWorld(t)
		w.policy = policy{Delete: true, Never: []string{"S-1-5-21-1-2-3-1104"}}
		w.onRead = func(directory.ID, plan.GUID) error {
			if lost {
				return ad.ErrConnection
			}
			return errors.New("no")
		}
		w.handOut(8, plan.Change{Op: plan.Delete, Group: directory.ID{1}, GUID: "g", Digest: "d"})
		_, err := w.start().turn(t.Context())
		ok(t, err)
		want := map[bool]plan.Status{false: plan.Refused, true: plan.Unknown}[lost]
		if got := statuses(w.acks[0]); !slices.Equal(got, []plan.Status{want}) || len(w.applied) != 0 {
			t.Errorf("lost %v: got %v, applied %v", lost, w.acks[0], w.applied)
		}
	}
}

// TestGraveTold: of a group that is nowhere the report says whether it can be had back. Where
// that cannot be found out the group is left out, for a new one would be made in its place.
func TestGraveTold(t *testing.T) {
	gone, buried := directory.ID{1}, directory.ID{2}
	grave := plan.Grave{GUID: "old", SID: "S-1-5-21-1-2-3-1104"}
	w := newWorld(t)
	w.graves = map[directory.ID]plan.Grave{buried: grave}
	w.reply.Read = []directory.ID{gone, buried}
	a := w.start()
	_, err := a.turn(t.Context())
	ok(t, err)
	absent := w.reports[0].Absent
	if len(absent) != 2 || absent[0].Grave != nil || absent[1].Grave == nil || *absent[1].Grave != grave {
		t.Errorf("told %+v", absent)
	}
	w.reply.State = "s2"
	w.graveErr = errors.New("no")
	_, err = a.turn(t.Context())
	ok(t, err)
	if len(w.reports) != 1 || !strings.Contains(w.log.String(), "group not read") {
		t.Errorf("told %+v, logged %s", w.reports, &w.log)
	}
}

// TestRestoresTold: each full report says anew whether deleted groups can be had back, and a
// right that arrives has what was refused tried again.
func TestRestoresTold(t *testing.T) {
	w := newWorld(t)
	a := w.start()
	full := func() relay.Report {
		t.Helper()
		w.reports = nil
		ok(t, a.dial(t.Context(), w.reply.Attrs))
		ok(t, a.full(t.Context(), false, relay.Wants{}))
		return w.reports[0]
	}
	w.lacks = "the right"
	without := full()
	w.lacks = ""
	with := full()
	if without.Target.Restores || !with.Target.Restores || without.Grounds == with.Grounds {
		t.Errorf("without %+v, with %+v", without, with)
	}
	// And which they are, but for those that another group stands for by now.
	id, again, grave := directory.ID{1}, directory.ID{2}, plan.Grave{GUID: "old", SID: "S-1-5-21-1-2-3-1104"}
	w.graves = map[directory.ID]plan.Grave{id: grave, again: grave}
	w.groups = []ad.Row{{Group: plan.Group{ID: again, GUID: "new"}}}
	if told := full().Graves; len(told) != 1 || told[0].ID != id || *told[0].Grave != grave {
		t.Errorf("deleted groups that are told of: %v", told)
	}
	a.hangUp()
	ok(t, a.dial(t.Context(), w.reply.Attrs))
	if !a.place.Restores {
		t.Error("a new connection forgets it")
	}
	w.lacksErr = errors.New("no")
	if r := full(); r.Target.Restores || !strings.Contains(w.log.String(), "whether deleted groups can be restored is not known") {
		t.Errorf("not known: %+v", r)
	}
	w.lacksErr = ad.ErrConnection
	if err := a.full(t.Context(), false, relay.Wants{}); !errors.Is(err, ad.ErrConnection) {
		t.Errorf("no answer: %v", err)
	}
}

// TestQuarantineIsNotForMembersThatStay: keep_members is the stronger word.
func TestQuarantineIsNotForMembersThatStay(t *testing.T) {
	c := plan.Change{Op: plan.Update, Set: map[string][]string{"groupType": {"8"}}}
	p := policy{Quarantine: true, KeepMembers: true}
	if _, _, refusal := p.judge(c, nil); !strings.Contains(refusal, "whatever policy.quarantine says") {
		t.Errorf("got %q", refusal)
	}
	c.Op = plan.Rename // which may bring a type along
	if _, _, refusal := p.judge(c, nil); refusal == "" || p.more().Quarantine {
		t.Errorf("by a rename: got %q; may it by what it takes back: %v", refusal, p.more().Quarantine)
	}
	if p.KeepMembers = false; !p.more().Quarantine {
		t.Error("the word does not reach the directory's side")
	}
	if _, _, refusal := p.judge(c, nil); refusal != "" {
		t.Errorf("got %q", refusal)
	}
}

// TestSpoiltByRestore: what builds upon a group that was not restored is left.
func TestSpoiltByRestore(t *testing.T) {
	w := newWorld(t)
	w.onApply = func(c plan.Change) (plan.Result, error) {
		if c.Op == plan.Restore {
			return plan.Result{Status: plan.Refused, Code: plan.CodeGone, Text: "there is none"}, nil
		}
		return plan.Result{Status: plan.Done}, nil
	}
	w.handOut(8, plan.Change{Op: plan.Restore, Group: directory.ID{1}, GUID: "g"}, update(1, "S-1-5-21-1-2-3-1104"), update(2, "S-1-5-21-1-2-3-1104"))
	_, err := w.start().turn(t.Context())
	ok(t, err)
	if got := statuses(w.acks[0]); !slices.Equal(got, []plan.Status{plan.Refused, plan.Skipped, plan.Done}) || len(w.applied) != 2 {
		t.Errorf("got %+v, applied %v", w.acks[0], w.applied)
	}
}
