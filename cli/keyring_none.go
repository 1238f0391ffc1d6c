//go:build !linux && !windows && !(darwin && cgo)

package main

import (
	"errors"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// keyring is where tokens are kept between two commands: nowhere. On macOS the library for that cannot be built into
// a program without cgo.
func keyring() (azidentity.Cache, error) {
	return azidentity.Cache{}, errors.New("a program that is built without cgo cannot use the system's keychain")
}
