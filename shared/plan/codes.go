package plan

// Codes of refusals that a planner acts on. Others are for people.
const (
	// CodeGone is of a Restore: there is no deleted group that could be had back. It is also
	// of a change of a group that is not there (RFC 4511, noSuchObject).
	CodeGone = 32
	// CodeAnother is of a Delete: the group is another one than Digest says, and is to be
	// read again (RFC 4528, assertionFailed).
	CodeAnother = 122
)
