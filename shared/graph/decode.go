package graph

import (
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"groupwriteback/shared/directory"
)

// malformed is a page that is whole and is JSON, and yet not what a delta feed
// sends. Asking again would bring the same page.
type malformed struct{ reason string }

func (e *malformed) Error() string { return e.reason }

func malformedf(format string, args ...any) error { return &malformed{fmt.Sprintf(format, args...)} }

// decode reads one page from r to its end. The properties to keep are those of
// selection; others are skipped. Memory beyond the page it returns does not grow
// with the page.
//
// A page of a feed ends in a link; one of a list need not.
//
// The error is a *malformed if the page is whole; any other says that it could
// not be read to its end.
func decode(r io.Reader, f feed, selection []string, list bool) (directory.Page, error) {
	d := decoder{json: jsontext.NewDecoder(r), names: make(map[string]string, len(selection))}
	for _, name := range selection {
		if name != "id" && name != "members" {
			d.names[name] = name
		}
	}
	page := directory.Page{Feed: f.name}
	if err := d.page(&page, f, list); err != nil {
		return directory.Page{}, err
	}
	// The end of the body is what proves that the connection was not cut.
	if _, err := d.json.ReadToken(); err == nil {
		return directory.Page{}, malformedf("page is followed by more data")
	} else if !errors.Is(err, io.EOF) {
		return directory.Page{}, err
	}
	return page, nil
}

type decoder struct {
	json  *jsontext.Decoder
	names map[string]string // a name kept is stored once, not once an item
	buf   []byte            // backs what text returns
}

func (d *decoder) page(p *directory.Page, f feed, list bool) error {
	hasValue := false
	err := d.object(func(name []byte) (err error) {
		switch string(name) {
		case "@odata.nextLink":
			p.Next, err = d.string("@odata.nextLink")
		case "@odata.deltaLink":
			p.Delta, err = d.string("@odata.deltaLink")
		case "value":
			hasValue = true
			err = d.array("value", func(n int) error {
				if err := d.item(p, f); err != nil {
					return fmt.Errorf("item %d: %w", n, err)
				}
				return nil
			})
		default:
			err = d.json.SkipValue()
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case !hasValue:
		return malformedf(`page has no "value"`)
	case p.Next == "" && p.Delta == "" && !list:
		return malformedf("page has neither @odata.nextLink nor @odata.deltaLink: the feed breaks off")
	case p.Next != "" && p.Delta != "":
		return malformedf("page has both @odata.nextLink and @odata.deltaLink")
	}
	return nil
}

// item reads a group, user or device into p.
func (d *decoder) item(p *directory.Page, f feed) error {
	var c directory.GroupChange
	var hasID bool
	err := d.object(func(name []byte) (err error) {
		switch string(name) {
		case "id":
			hasID = true
			c.ID, err = d.id()
		case "@removed":
			c.Removed, err = d.removal()
		case "members@delta":
			err = d.array("members@delta", func(n int) error {
				m, err := d.member()
				if err != nil {
					return fmt.Errorf("member %d: %w", n, err)
				}
				c.Members = append(c.Members, m)
				return nil
			})
		default:
			kept, ok := d.names[string(name)]
			if !ok {
				return d.json.SkipValue()
			}
			if c.Set == nil {
				c.Set = make(directory.Properties, len(d.names))
			}
			c.Set[kept], err = d.values(kept)
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case !hasID:
		return malformedf("object has no id")
	case f.members:
		p.Groups = append(p.Groups, c)
	default:
		p.Principals = append(p.Principals, directory.PrincipalChange{ID: c.ID, Kind: f.kind, Set: c.Set, Removed: c.Removed})
	}
	return nil
}

// member reads one item of members@delta. Graph gives a reason for a removal,
// but none that would tell a lost membership from a deleted member.
func (d *decoder) member() (directory.MemberChange, error) {
	var m directory.MemberChange
	var hasID bool
	err := d.object(func(name []byte) (err error) {
		switch string(name) {
		case "id":
			hasID = true
			m.ID, err = d.id()
		case "@odata.type":
			m.Kind, err = d.kind()
		case "@removed":
			m.Removed = true
			_, err = d.removal()
		default:
			err = d.json.SkipValue()
		}
		return err
	})
	switch {
	case err != nil:
		return m, err
	case !hasID:
		return m, malformedf("object has no id")
	case m.Kind == "" && !m.Removed:
		return m, malformedf("object %s has no @odata.type", m.ID)
	}
	return m, nil
}

// removal reads {"reason": "changed" | "deleted"}.
func (d *decoder) removal() (directory.Removal, error) {
	var reason string
	err := d.object(func(name []byte) (err error) {
		if string(name) == "reason" {
			reason, err = d.string("reason")
			return err
		}
		return d.json.SkipValue()
	})
	switch {
	case err != nil:
		return "", err
	case reason == "changed":
		return directory.SoftDeleted, nil
	case reason == "deleted":
		return directory.Deleted, nil
	}
	return "", malformedf("@removed has the reason %q: only changed and deleted are known", reason)
}

// kind reads an @odata.type, such as "#microsoft.graph.user".
func (d *decoder) kind() (directory.Kind, error) {
	const prefix = "#microsoft.graph."
	b, err := d.text("@odata.type")
	if err != nil {
		return "", err
	}
	switch string(b) {
	case prefix + string(directory.User):
		return directory.User, nil
	case prefix + string(directory.GroupKind):
		return directory.GroupKind, nil
	}
	if len(b) <= len(prefix) || string(b[:len(prefix)]) != prefix {
		return "", malformedf("@odata.type %q does not begin with %s", b, prefix)
	}
	return directory.Kind(b[len(prefix):]), nil
}

func (d *decoder) id() (directory.ID, error) {
	b, err := d.text("id")
	if err != nil {
		return directory.ID{}, err
	}
	id, err := directory.ParseID(string(b))
	if err != nil {
		return id, malformedf("%s", err)
	}
	return id, nil
}

// values reads a property: null is the empty slice, a list has a value each.
func (d *decoder) values(name string) ([]string, error) {
	values := []string{}
	switch d.json.PeekKind() {
	case 'n':
		return values, d.json.SkipValue()
	case '[':
		err := d.array(name, func(int) error {
			v, err := d.scalar(name)
			values = append(values, v)
			return err
		})
		return values, err
	}
	v, err := d.scalar(name)
	return append(values, v), err
}

// scalar reads a string, a boolean or a number. It refuses what package
// directory has no form for: to skip it would be to say that it is not set.
func (d *decoder) scalar(name string) (string, error) {
	switch d.json.PeekKind() {
	case '"':
		return d.string(name)
	case 't', 'f', '0':
		v, err := d.json.ReadValue()
		return string(v), err
	case 0: // the error that the next read returns
		return "", d.json.SkipValue()
	}
	return "", malformedf("property %s is not a string, number, boolean, or a list of them: rules cannot read it", name)
}

func (d *decoder) string(name string) (string, error) {
	b, err := d.text(name)
	return string(b), err
}

// text reads a string, which stays valid until the next call.
func (d *decoder) text(name string) ([]byte, error) {
	v, err := d.json.ReadValue()
	if err != nil {
		return nil, err
	}
	if v.Kind() != '"' {
		return nil, malformedf("%s is not a string", name)
	}
	d.buf, err = jsontext.AppendUnquote(d.buf[:0], v)
	return d.buf, err
}

// object reads an object. member is called after each name, which stays valid
// until it reads the value.
func (d *decoder) object(member func(name []byte) error) error {
	if err := d.open('{'); err != nil {
		return err
	}
	for d.json.PeekKind() != '}' {
		name, err := d.text("name")
		if err != nil {
			return err
		}
		if err := member(name); err != nil {
			return err
		}
	}
	_, err := d.json.ReadToken()
	return err
}

// array reads an array. item is called before each item with its position, from 1.
func (d *decoder) array(name string, item func(n int) error) error {
	if k := d.json.PeekKind(); k != '[' && k != 0 {
		return malformedf("%s is not a list", name)
	}
	if err := d.open('['); err != nil {
		return err
	}
	for n := 1; d.json.PeekKind() != ']'; n++ {
		if err := item(n); err != nil {
			return err
		}
	}
	_, err := d.json.ReadToken()
	return err
}

func (d *decoder) open(delim jsontext.Kind) error {
	t, err := d.json.ReadToken()
	if err == nil && t.Kind() != delim {
		err = malformedf("found %s where an object or a list belongs", t.Kind())
	}
	return err
}
