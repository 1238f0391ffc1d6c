package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"groupwriteback/shared/checklist"
	"groupwriteback/shared/rules"
	"groupwriteback/shared/rules/cloudsync"
	"groupwriteback/shared/status"
	"groupwriteback/shared/textfile"
)

// maxRules is more than the API takes of a rules file, in bytes.
const maxRules = 1 << 20

// rulings are the commands about rules: files of them, and those in the store.
func rulings(with runner) *cobra.Command {
	all := &cobra.Command{Use: "rules", Short: "Look at rules, and put them in force", Example: "  groupwriteback rules check rules.yaml\n  groupwriteback rules apply rules.yaml",
		Long: "Look at rules, and put them in force.\n\nRules are put in force by a command where the function app has GROUPWRITEBACK_RULES=store:. Where it has a rules file, that is deployed."}
	show := &cobra.Command{Use: "show", Short: "Print the rules in force, or those of a version", Args: cobra.NoArgs, RunE: with(doRules),
		Long:    "Print the rules in force, or those of a version: the text alone on standard output, and whose they are on standard error.",
		Example: "  groupwriteback rules show > rules.yaml\n  groupwriteback rules show --version 3"}
	show.Flags().Uint64("version", 0, "the number of a version, as rules versions lists it; 0: those in force")
	apply := &cobra.Command{Use: "apply FILE", Short: "Show what a rules file would do; with the digest of that, put it in force", Args: cobra.ExactArgs(1), RunE: with(doApply),
		Example: "  groupwriteback rules apply rules.yaml\n  groupwriteback rules apply rules.yaml --digest DIGEST --comment \"Sales has groups too\""}
	back := &cobra.Command{Use: "back VERSION", Short: "Show what the rules of an earlier version would do; with the digest of that, put them in force again", Args: cobra.ExactArgs(1), RunE: with(doBack),
		Example: "  groupwriteback rules back 3\n  groupwriteback rules back 3 --digest DIGEST"}
	for _, c := range []*cobra.Command{apply, back} {
		c.Flags().String("digest", "", "of what is confirmed, as the command without it shows it")
		c.Flags().String("comment", "", "what people want to remember of it")
	}
	all.AddCommand(slices.Concat(answering("Rules", show),
		answering("Reply", apply, back,
			&cobra.Command{Use: "check FILE", Short: "Check a rules file; nobody is asked", Args: cobra.ExactArgs(1), RunE: checkRules, Example: "  groupwriteback rules check rules.yaml"}),
		answering("VersionPage", &cobra.Command{Use: "versions", Short: "List the versions of the rules in the store", Args: cobra.NoArgs, RunE: with(doVersions), Example: "  groupwriteback rules versions"}))...)
	all.AddCommand(&cobra.Command{Use: "import FILE", Short: "Make a rules file of a Cloud Sync job's schema; nobody is asked", Args: cobra.ExactArgs(1), RunE: importRules,
		Long:    "Make a rules file of a Cloud Sync job's schema. The file is printed on standard output, and what is to be seen to on standard error. The exit code is 2 where something of the schema is not in the file.",
		Example: "  groupwriteback rules import schema.json > rules.yaml"})
	return all
}

// doRules prints the rules in force, or those of a version.
func doRules(s *session, cmd *cobra.Command, _ []string) error {
	path := "rules"
	if n, _ := cmd.Flags().GetUint64("version"); n > 0 {
		path += "/" + strconv.FormatUint(n, 10)
	}
	var whole json.RawMessage
	var r status.Rules
	if err := s.get(cmd.Context(), path, nil, &whole, &r); err != nil {
		return err
	}
	return s.print(whole, func() {
		whose := "Of the rules file that is deployed."
		if r.Version != nil {
			whose = ruledBy(*r.Version, r.InForce)
		} else if r.Source == status.InStore {
			whose = "Of a rules file: the next turn makes them a version of the store's."
		}
		fmt.Fprintln(cmd.ErrOrStderr(), checklist.Printable(whose))
		fmt.Fprint(s.out, r.Text)
	})
}

// ruledBy says of a version whose it is.
func ruledBy(v status.Version, inForce bool) string {
	text := fmt.Sprintf("version %d  %s  by %s", v.Number, v.At.UTC().Format(time.RFC3339), v.By)
	if v.Replaces > 0 {
		text += fmt.Sprintf(", in place of version %d", v.Replaces)
	}
	if v.Back > 0 {
		text += fmt.Sprintf(", the rules of version %d again", v.Back)
	}
	if v.Comment != "" {
		text += ": " + v.Comment
	}
	if inForce {
		text += " (in force)"
	}
	return text
}

// doVersions lists all versions.
func doVersions(s *session, cmd *cobra.Command, _ []string) error {
	all, q := status.VersionPage{Versions: []status.Version{}}, url.Values{}
	for {
		var page status.VersionPage
		if err := s.get(cmd.Context(), "rules/versions", q, &page); err != nil {
			return err
		}
		all.Versions, all.InForce = append(all.Versions, page.Versions...), page.InForce
		if page.Next == "" {
			break
		}
		q.Set("cursor", page.Next)
	}
	whole, err := json.Marshal(all)
	if err != nil {
		return fmt.Errorf("encode versions: %w", err)
	}
	return s.print(whole, func() {
		if len(all.Versions) == 0 {
			s.say("There are no rules in the store.")
		}
		for _, v := range all.Versions {
			s.say("%s", ruledBy(v, v.Number == all.InForce))
		}
	})
}

// doApply shows what a rules file would do, or puts it in force.
func doApply(s *session, cmd *cobra.Command, args []string) error {
	text, err := readText(args[0], maxRules)
	if err != nil {
		return err
	}
	return s.rule(cmd, map[string]any{"rules": string(text)}, "groupwriteback rules apply "+args[0])
}

// doBack does the same with the rules of an earlier version.
func doBack(s *session, cmd *cobra.Command, args []string) error {
	n, err := strconv.ParseUint(args[0], 10, 63)
	if err != nil || n == 0 {
		return fmt.Errorf("go back to %q: it is no version: write its number, as rules versions lists it", args[0])
	}
	return s.rule(cmd, map[string]any{"version": n}, "groupwriteback rules back "+args[0])
}

// rule has rules shown or put in force. again is the command that was given.
func (s *session) rule(cmd *cobra.Command, message map[string]any, again string) error {
	message["action"] = "rules"
	if digest, _ := cmd.Flags().GetString("digest"); digest != "" {
		replaces, err := replacedBy(digest)
		if err != nil {
			return err
		}
		message["digest"], message["replaces"] = digest, replaces
	}
	if comment, _ := cmd.Flags().GetString("comment"); comment != "" {
		message["comment"] = comment
	}
	var whole json.RawMessage
	var r struct {
		reply
		Rules struct {
			Digest  string
			InForce *status.Version
		}
	}
	if err := s.manual(cmd.Context(), message, &whole, &r); err != nil {
		return err
	}
	return s.print(whole, func() {
		if r.Preview != nil {
			s.plan(cmd, *r.Preview)
		}
		s.say("%s", r.Done)
		if v := r.Rules.InForce; v != nil {
			s.say("%s", ruledBy(*v, true))
		}
		if r.Rules.Digest != "" {
			s.say("To put them in force: %s --digest %s", again, r.Rules.Digest)
		}
	})
}

// replacedBy is the version that somebody has seen in force: a digest begins with its number.
func replacedBy(digest string) (uint64, error) {
	number, rest, _ := strings.Cut(digest, "-")
	n, err := strconv.ParseUint(number, 10, 63)
	if err != nil || rest == "" {
		return 0, fmt.Errorf("--digest %q: it is none: write that which the command without it shows, such as 3-0123456789abcdef", digest)
	}
	return n, nil
}

// readText reads a text file as editors write them.
func readText(path string, most int) ([]byte, error) {
	text, err := textfile.Read(path, most)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return text, nil
}

// checkRules checks a rules file here.
func checkRules(cmd *cobra.Command, args []string) error {
	text, err := readText(args[0], maxRules)
	if err != nil {
		return err
	}
	if _, err := rules.Parse(text); err != nil {
		return fmt.Errorf("check %s: %w", args[0], err)
	}
	const usable = "The rules can be used."
	return own(cmd, map[string]string{"done": usable}, usable)
}

// importRules makes a rules file here.
func importRules(cmd *cobra.Command, args []string) error {
	schema, err := readText(args[0], cloudsync.MaxSchema)
	if err != nil {
		return err
	}
	file, notes, err := cloudsync.Import(schema)
	if err == nil {
		_, err = cmd.OutOrStdout().Write(file)
	}
	for _, n := range notes {
		fmt.Fprintln(cmd.ErrOrStderr(), checklist.Printable(n.String()))
	}
	if err == nil && cloudsync.Lost(notes) {
		return changes{}
	}
	return err
}
