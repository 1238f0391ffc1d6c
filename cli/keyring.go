//go:build linux || windows || (darwin && cgo)

package main

import (
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity/cache"
)

// keyring is where tokens are kept between two commands, encrypted by the system. An error says why there is none:
// then a person signs in anew each time.
func keyring() (azidentity.Cache, error) { return cache.New(&cache.Options{Name: "groupwriteback"}) }
