package app

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph"
	"groupwriteback/shared/relay"
)

// maxName is the longest name that is looked for.
const maxName = 256

// find asks Graph who is meant by a name.
func (a *App) find(ctx context.Context, q query) (any, error) {
	name, kind := strings.TrimSpace(q.values.Get("name")), q.values.Get("kind")
	if err := q.know("name", "kind"); err != nil {
		return nil, err
	}
	if name == "" || len(name) > maxName {
		return nil, relay.BadRequest(fmt.Errorf("name: write a name of 1 to %d bytes", maxName))
	}
	if kind != "" && kind != "group" && kind != "member" {
		return nil, relay.BadRequest(errors.New("kind: write group or member, or leave it out"))
	}
	var out struct {
		Hits []graph.Hit `json:"hits"`
		More bool        `json:"more,omitempty"`
	}
	out.Hits = []graph.Hit{}
	feeds := []directory.Feed{directory.GroupFeed, directory.UserFeed, directory.DeviceFeed}
	if kind == "group" {
		feeds = feeds[:1]
	}
	for _, feed := range feeds {
		hits, more, err := a.client.Find(ctx, feed, name)
		if err != nil {
			return nil, err
		}
		out.Hits, out.More = append(out.Hits, hits...), out.More || more
	}
	return out, nil
}
