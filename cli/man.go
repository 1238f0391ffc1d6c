package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"groupwriteback/shared/version"
)

// manual is the command that writes manual pages, which are made of the commands' own help.
func manual() *cobra.Command {
	return answering("Reply", &cobra.Command{Use: "man FOLDER", Short: "Write the manual pages into a folder", Args: cobra.ExactArgs(1), RunE: writeManual,
		Long:    "Writes a manual page of each command into a folder, for man. SOURCE_DATE_EPOCH is the day that they name.",
		Example: "  groupwriteback man man1"})[0]
}

func writeManual(cmd *cobra.Command, args []string) error {
	folder := filepath.Clean(args[0])
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	header := &doc.GenManHeader{Section: "1", Source: "Groupwriteback " + version.Of(), Manual: "Groupwriteback"}
	if err := doc.GenManTree(cmd.Root(), header, folder); err != nil {
		return fmt.Errorf("write manual pages: %w", err)
	}
	text := fmt.Sprintf("The manual pages are in %s: man %s shows the first.", folder, filepath.Join(folder, "groupwriteback.1"))
	return own(cmd, map[string]string{"done": text}, text)
}
