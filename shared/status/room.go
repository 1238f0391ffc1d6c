package status

import (
	"encoding/json"
	"strings"
)

// A status is an answer over the network, and AWS Lambda takes 6 MiB of one: what is
// listed has room, and the rest is counted.
const (
	roomForHolds    = 1 << 20
	roomForProblems = 3 << 20
	maxText         = 2000 // bytes of one text; those of the agent's end are shorter
)

// room is how many bytes are left for a list.
type room int

// takes says whether there is room for an item, and takes it.
func (r *room) takes(item any) bool {
	data, err := json.Marshal(item)
	if err != nil || len(data)+1 > int(*r) {
		*r = 0 // what comes later is not listed before what has no room
		return false
	}
	*r -= room(len(data) + 1)
	return true
}

// cut is what fits of a text.
func cut(text string) string {
	if len(text) <= maxText {
		return text
	}
	return strings.ToValidUTF8(text[:maxText], "") + " [...]"
}
