package report

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"groupwriteback/shared/plan"
	"groupwriteback/shared/relay"
)

// Limits of one part of a report. The relay takes 8 MiB, and AWS Lambda 6 MB: the
// weight is that of the text before JSON's escapes, which make six bytes of one at
// worst.
const (
	MaxRows    = 2000
	MaxMembers = 15_000
	maxWeight  = 900 << 10
)

// Rows are those of a report, divided into its parts. Each part says how many there
// are, and only the end of a scan shows that: so the parts wait for it in a file.
// Memory holds one part, however many groups there are and however large; to scan
// twice instead would cost the domain controller as much again, and the second scan
// could find something else. A report of one part needs no file.
type Rows struct {
	Scratch func() (*os.File, error) // makes the file: it does not outlive the process
	Groups  int

	open    []relay.Row // the part that is being filled
	members int         // in it
	weight  int

	file *os.File // the parts before it
	ends []int64  // where each ends in the file
}

// Add takes the row of one more group, in pieces where it has very many members.
func (s *Rows) Add(r relay.Row) error {
	s.Groups++
	for _, piece := range divide(r) {
		members, weight := measure(piece)
		if len(s.open) > 0 && (len(s.open) >= MaxRows || s.members+members > MaxMembers || s.weight+weight > maxWeight) {
			if err := s.flush(); err != nil {
				return fmt.Errorf("keep a part of the report: %w", err)
			}
		}
		s.open = append(s.open, piece)
		s.members, s.weight = s.members+members, s.weight+weight
	}
	return nil
}

// divide gives each piece of a large group all that it has, but for the members.
func divide(r relay.Row) []relay.Row {
	if r.Group == nil || len(r.Group.Members()) <= MaxMembers {
		return []relay.Row{r}
	}
	all := r.Group.Members()
	pieces := make([]relay.Row, (len(all)+MaxMembers-1)/MaxMembers)
	for i := range pieces {
		g := *r.Group
		g.Links = g.Links.With(plan.Member, all[i*MaxMembers:min((i+1)*MaxMembers, len(all))])
		pieces[i] = r
		pieces[i].Group, pieces[i].Piece, pieces[i].Pieces = &g, i+1, len(pieces)
	}
	return pieces
}

// measure is what a row adds to a part.
func measure(r relay.Row) (members, weight int) {
	const keys = 400 // names of the keys, ids, numbers
	weight = keys + len(r.Digest) + len(r.Fence) + len(r.SID)
	if r.Trouble != nil {
		weight += len(r.Trouble.DN) + len(r.Trouble.Text)
	}
	if r.Group == nil {
		return 0, weight
	}
	weight += len(r.Group.Parent) + len(r.Group.Name)
	for name, values := range r.Group.Attrs {
		for _, v := range values {
			weight += len(name) + len(v)
		}
	}
	for link, refs := range r.Group.Links {
		weight, members = weight+len(link), members+len(refs)
		for _, ref := range refs {
			weight += len(ref) + len(`"",`)
		}
	}
	return members, weight
}

// flush ends a part.
func (s *Rows) flush() (err error) {
	if s.file == nil {
		if s.file, err = s.Scratch(); err != nil {
			return err
		}
	}
	data, err := json.Marshal(s.open)
	if err != nil {
		return err
	}
	if _, err := s.file.Write(data); err != nil {
		return err
	}
	s.ends = append(s.ends, s.end()+int64(len(data)))
	s.open, s.members, s.weight = nil, 0, 0
	return nil
}

func (s *Rows) end() int64 {
	if len(s.ends) == 0 {
		return 0
	}
	return s.ends[len(s.ends)-1]
}

// Parts is how many there are: at least one, be it empty.
func (s *Rows) Parts() int { return len(s.ends) + 1 }

// each calls do for every part, from 1 on.
func (s *Rows) each(do func(n int, some []relay.Row) error) error {
	from := int64(0)
	for i, end := range s.ends {
		var some []relay.Row
		data := make([]byte, end-from)
		if _, err := s.file.ReadAt(data, from); err != nil && err != io.EOF {
			return fmt.Errorf("read part %d of the report: %w", i+1, err)
		}
		if err := json.Unmarshal(data, &some); err != nil {
			return fmt.Errorf("decode part %d of the report: %w", i+1, err)
		}
		if err := do(i+1, some); err != nil {
			return err
		}
		from = end
	}
	if s.open == nil {
		s.open = []relay.Row{}
	}
	return do(s.Parts(), s.open)
}

// Drop removes the file. One that a crash leaves behind is removed at the next start.
func (s *Rows) Drop() {
	if s.file != nil {
		_ = s.file.Close()
		_ = os.Remove(s.file.Name())
	}
}
