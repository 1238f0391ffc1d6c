package status

import (
	"testing"
	"time"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/exchange"
	"groupwriteback/shared/journal"
)

// TestExchange: one line says what there is of Exchange, once an agent has looked.
func TestExchange(t *testing.T) {
	j := &journal.Journal{Store: blob.Memory(), Target: "corp"}
	for _, test := range []struct {
		reported time.Time
		site     exchange.Site
		want     string
	}{
		{time.Time{}, exchange.Site{}, ""},
		{time.Now(), exchange.Site{}, "none in this forest: groups without mail need none"},
		{time.Now(), exchange.Site{Schema: 15334, Unread: "let it"}, "the schema of Exchange 2016 CU21-CU23 (15334), and no organization, what there is now could not be read: let it"},
	} {
		tx, err := j.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		tx.Head.Reported, tx.Head.Target.Exchange = test.reported, test.site
		if err := tx.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s, err := Read(t.Context(), j, Facts{}, nil); err != nil || s.Exchange != test.want {
			t.Errorf("%+v: %q, %v; want %q", test.site, s.Exchange, err, test.want)
		}
	}
}
