package graph

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// What follows reads values of JSON. What is not of the form that is asked for is read
// to its end and returned as *odd.

// values reads a property: null is the empty slice, a list has a value each, and so has one
// of complexes for each part that is set: "isEnabled=true".
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
	case '{':
		if !complexes[name] {
			break
		}
		err := d.object(func(part []byte) error {
			of := string(part)
			if d.json.PeekKind() == 'n' || strings.HasPrefix(of, "@") {
				return d.json.SkipValue()
			}
			v, err := d.scalar(name + "." + of)
			values = append(values, of+"="+v)
			return err
		})
		slices.Sort(values)
		return values, err
	}
	v, err := d.scalar(name)
	return append(values, v), err
}

// complexes are the properties that are objects, and that rules can read.
var complexes = map[string]bool{betaProperty: true}

// scalar reads a string, a boolean or a number. What package directory has no form
// for is odd: to leave it out in silence would be to say that it is not set.
func (d *decoder) scalar(name string) (string, error) {
	switch d.json.PeekKind() {
	case '"':
		return d.string(name)
	case 't', 'f', '0':
		v, err := d.json.ReadValue()
		return string(v), err
	}
	if err := d.json.SkipValue(); err != nil {
		return "", err
	}
	return "", oddf("property %s is not a string, number, boolean, or a list of them: rules cannot read it", name)
}

func (d *decoder) string(name string) (string, error) {
	b, err := d.text(name)
	return string(b), err
}

// text reads a string, which stays valid until the next call.
func (d *decoder) text(name string) ([]byte, error) {
	if k := d.json.PeekKind(); k != '"' && k != 0 {
		if err := d.json.SkipValue(); err != nil {
			return nil, err
		}
		return nil, oddf("%s is not a string", name)
	}
	v, err := d.json.ReadValue()
	if err != nil {
		return nil, err
	}
	// That some of it was no Unicode is no error: AppendUnquote has put U+FFFD there.
	d.buf, _ = jsontext.AppendUnquote(d.buf[:0], v)
	return d.buf, nil
}

// object reads an object. member is called after each name, which stays valid
// until it reads the value. What it finds odd is returned when all is read.
func (d *decoder) object(member func(name []byte) error) error {
	if err := d.open("object", '{'); err != nil {
		return err
	}
	var first error
	for d.json.PeekKind() != '}' {
		name, err := d.text("name")
		if err != nil {
			return err
		}
		if err := keep(&first, member(name)); err != nil {
			return err
		}
	}
	if _, err := d.json.ReadToken(); err != nil {
		return err
	}
	return first
}

// array reads an array. item is called before each item with its position, from 1.
// What it finds odd is returned when all is read.
func (d *decoder) array(name string, item func(n int) error) error {
	if err := d.open(name, '['); err != nil {
		return err
	}
	var first error
	for n := 1; d.json.PeekKind() != ']'; n++ {
		if err := keep(&first, item(n)); err != nil {
			return err
		}
	}
	if _, err := d.json.ReadToken(); err != nil {
		return err
	}
	return first
}

// open reads the beginning of an object or list. If something else is there, it
// is read whole.
func (d *decoder) open(name string, delim jsontext.Kind) error {
	k := d.json.PeekKind()
	if k == delim {
		_, err := d.json.ReadToken()
		return err
	}
	if err := d.json.SkipValue(); err != nil {
		return err
	}
	if delim == '[' {
		return oddf("%s is not a list", name)
	}
	return oddf("found %s where an %s belongs", k, name)
}
