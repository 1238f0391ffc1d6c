package plan

import (
	"cmp"
	"fmt"
	"strings"
)

// Fence says who wrote to a group last. It stands in the group's
// adminDisplayName, and each write replaces the one that it read, in the same
// modify as the change itself: Active Directory runs a modify whole or not at
// all (MS-ADTS 3.1.1.5.3), so of two writers that read the same fence one fails.
type Fence struct {
	Instance          string // of the installation
	Epoch, Seq, Lease uint64 // of the journal, the batch and the agent's lease
}

// String returns the form that Active Directory keeps: "gwb <instance> <epoch>.<seq>.<lease>".
func (f Fence) String() string {
	return fmt.Sprintf("%s%d.%d.%d", FencePrefix(f.Instance), f.Epoch, f.Seq, f.Lease)
}

// FencePrefix is what the fences of an installation begin with: a group that we
// own has one.
func FencePrefix(instance string) string { return "gwb " + instance + " " }

// HasFence says whether an installation has written what stands in a group's adminDisplayName.
func HasFence(adminDisplayName string) bool { return strings.HasPrefix(adminDisplayName, "gwb ") }

// Released stands in place of the fence of a group that an installation has let go, and
// may take back. It is no fence.
func Released(instance string) string { return FencePrefix(instance) + "released" }

// ParseFence is the inverse of String. ok is false for anything that String
// does not write.
func ParseFence(s string) (f Fence, ok bool) {
	words := strings.Split(s, " ")
	if len(words) != 3 || words[0] != "gwb" || words[1] == "" {
		return Fence{}, false
	}
	f.Instance = words[1]
	if _, err := fmt.Sscanf(words[2], "%d.%d.%d", &f.Epoch, &f.Seq, &f.Lease); err != nil || f.String() != s {
		return Fence{}, false
	}
	return f, true
}

// Compare orders fences of one instance: a restored journal has a new epoch, a
// lease outranks what an older one still has in hand, and one agent's batches
// follow each other.
func (f Fence) Compare(g Fence) int {
	return cmp.Or(cmp.Compare(f.Epoch, g.Epoch), cmp.Compare(f.Lease, g.Lease), cmp.Compare(f.Seq, g.Seq))
}
