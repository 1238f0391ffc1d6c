package door

import "testing"

func TestOpen(t *testing.T) {
	if !Open("please", 2) {
		t.Error("the word does not open")
	}
}

func TestShut(t *testing.T) {
	if Open("now", 2) {
		t.Error("another word opens")
	}
}
