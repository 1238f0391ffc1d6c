package journal

import (
	"encoding/binary"
	"errors"
	"fmt"

	"groupwriteback/shared/directory"
)

// The types of CBOR's items (RFC 8949, section 3.1) that records are made of.
const (
	cborNumber = 0
	cborBytes  = 2
	cborText   = 3
	cborList   = 4
	cborMap    = 5
	cborTag    = 6
)

// errForm is a record that is not in the form in which this program writes records.
var errForm = errors.New("it is not in the form of a record")

// keysOf is how many keys records of a kind have: they are numbered from 1.
func keysOf(kind string) int {
	switch kind[:1] {
	case groupKind:
		return 12
	case principalKind:
		return 7
	}
	return 30
}

// idOf is the id of a well-formed record of a kind. The rest of it is passed over, but if
// it has a key more than this version knows, a newer one has written it.
func idOf(b []byte, kind string) (id directory.ID, err error) {
	what, n, b, err := item(b)
	if err == nil && what != cborMap {
		err = errForm
	}
	most, found := uint64(keysOf(kind)), false
	for ; n > 0 && err == nil; n-- {
		var key uint64
		if what, key, b, err = item(b); err != nil {
			break
		}
		if what != cborNumber || key > most {
			return id, fmt.Errorf("%w (key %d)", ErrFormat, key)
		}
		value := b
		if b, err = pass(b); err == nil && key == 1 {
			if what, size, raw, _ := item(value); what != cborBytes || size != uint64(len(id)) {
				err = fmt.Errorf("object id of %d bytes", size)
			} else {
				id, found = directory.ID(raw[:size]), true
			}
		}
	}
	if err == nil && !found {
		err = errors.New("no object id")
	}
	return id, err
}

// item reads the head of an item: its type, its number, and what follows.
func item(b []byte) (what byte, n uint64, rest []byte, err error) {
	if len(b) == 0 {
		return 0, 0, nil, errForm
	}
	what, short := b[0]>>5, b[0]&31
	b = b[1:]
	size := 0
	switch {
	case short < 24:
		return what, uint64(short), b, nil
	case short < 28:
		size = 1 << (short - 24)
	}
	if size == 0 || len(b) < size {
		return 0, 0, nil, errForm
	}
	var number [8]byte
	copy(number[8-size:], b)
	return what, binary.BigEndian.Uint64(number[:]), b[size:], nil
}

// pass returns what follows on an item.
func pass(b []byte) (rest []byte, err error) {
	what, n, b, err := item(b)
	if err != nil {
		return nil, err
	}
	inner := uint64(0)
	switch what {
	case cborBytes, cborText:
		if n > uint64(len(b)) {
			return nil, errForm
		}
		b = b[n:]
	case cborList:
		inner = n
	case cborMap:
		inner = 2 * n
	case cborTag:
		inner = 1
	}
	for ; inner > 0 && err == nil; inner-- {
		b, err = pass(b)
	}
	return b, err
}
