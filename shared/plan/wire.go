package plan

import (
	"encoding/json"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/life"
)

// wire is a group in JSON: its members under a name of their own, as they always were, and
// other links beside them.
type wire struct {
	ID      directory.ID
	GUID    GUID
	Parent  string
	Name    string
	Attrs   map[string][]string
	Members []Ref
	Links   Links      `json:",omitempty"`
	Gone    life.State `json:",omitempty"`
}

// MarshalJSON implements json.Marshaler.
func (g Group) MarshalJSON() ([]byte, error) {
	return json.Marshal(wire{g.ID, g.GUID, g.Parent, g.Name, g.Attrs, g.Members(), g.Links.others(), g.Gone})
}

// UnmarshalJSON implements json.Unmarshaler.
func (g *Group) UnmarshalJSON(data []byte) error {
	var w wire
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	*g = Group{w.ID, w.GUID, w.Parent, w.Name, w.Attrs, w.Links.With(Member, w.Members), w.Gone}
	return nil
}
