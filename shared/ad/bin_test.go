package ad

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/ad/adtest"
	"groupwriteback/shared/plan"
)

// TestRecycleBin: with the recycle bin a deleted group keeps all that it had, and what was
// deleted before cannot be had back any more. Samba lets only its database turn the bin on,
// and then cannot restore (it deletes an isRecycled that is not there): what is asked of it
// is looked at instead.
func TestRecycleBin(t *testing.T) {
	own := adtest.Start(t, 0)
	if err := own.LetRestore(true); err != nil {
		t.Fatal(err)
	}
	conn, err := Dial(t.Context(), Config{URL: own.URL, ServerName: own.ServerName, CAFile: own.CAFile, User: own.BindName, Password: own.Password, Timeout: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	d := &Domain{Conn: conn, Base: own.Base, Instance: "test", Attrs: []string{"description"}, Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}
	if d.Identity, err = d.Identify(t.Context()); err != nil {
		t.Fatal(err)
	}
	before, after := create(t, d, 0, "before"), create(t, d, 1, "after")
	apply(t, d, 2, deletion(t, d, 0))
	if _, found := graveOf(t, d, id(t, 0), ""); !found {
		t.Error("without the bin it could be had back")
	}
	cmd := exec.Command("ldbmodify", "-H", filepath.Join(own.Dir, "private", "sam.ldb"))
	cmd.Stdin = strings.NewReader("dn:\nchangetype: modify\nadd: enableOptionalFeature\n" +
		"enableOptionalFeature: CN=Partitions,CN=Configuration," + own.Domain + ":766ddcd8-acd0-445e-f3b9-a7f9b6744f2a\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ldbmodify: %v\n%s", err, out)
	}
	apply(t, d, 2, deletion(t, d, 1))
	if g, found := graveOf(t, d, id(t, 1), ""); !found || g.GUID != after {
		t.Errorf("with the bin: %+v, %v", g, found)
	}
	if g, found := graveOf(t, d, id(t, 0), before); found {
		t.Errorf("recycled: %+v", g)
	}
	if r := outcome(t, d, 3, restoration(t, d, 0, "before", before)); r.Code != plan.CodeGone {
		t.Errorf("recycled: got %+v", r)
	}
	var asked *ldap.ModifyRequest
	meddle(d).write = func(_ int, req any, do func() error) error {
		asked = req.(*ldap.ModifyRequest)
		return do()
	}
	back := restoration(t, d, 1, "after", after)
	back.Set["description"] = []string{"x"}
	if r := outcome(t, d, 3, back); r.Status != plan.Refused || r.Code == plan.CodeGone {
		t.Errorf("got %+v", r)
	}
	var set []string
	for _, c := range asked.Changes {
		set = append(set, c.Modification.Type+"="+strings.Join(c.Modification.Vals, ","))
	}
	want := "isDeleted= distinguishedName=CN=after," + plan.NormalDN(own.Base) + " adminDisplayName=gwb test 1.3.1 description=x"
	if got := strings.Join(set, " "); !strings.EqualFold(got, want) || !strings.HasSuffix(asked.DN, ",CN=Deleted Objects,"+own.Domain) {
		t.Errorf("asked to set %s of %s", got, asked.DN)
	}
	d.Conn = conn
	fresh := fence(1)
	if r, err := d.Apply(t.Context(), fresh, back); err != nil || r.Status != plan.Fenced {
		t.Errorf("an older writer, whom the fence in the bin outranks: %+v, %v", r, err)
	}
}
