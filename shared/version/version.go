// Package version says which version a program is of, as Go has noted it in the program.
package version

import "runtime/debug"

// Of is the version of the program that runs; "(devel)" for one that was built from a working tree.
func Of() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
