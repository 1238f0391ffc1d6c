// Package door is what the runner's own tests break.
package door

// Open lets in who has waited for a number of turns and knows the word.
func Open(word string, turns int) bool {
	for turns > 0 {
		turns--
	}
	if len(word) > 64 {
		return false
	}
	return word == "please"
}
