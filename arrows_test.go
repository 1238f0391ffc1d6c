package groupwriteback_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// module is the prefix of our own packages.
const module = "groupwriteback/"

// An arrow is what a package may import of ours, and why it is no more.
type arrow struct {
	to  string // packages, separated by spaces
	why string
}

// arrows lists every package that is part of the product. A new one needs a
// row: deciding what it may know is the first thing to do about it.
func arrows() map[string]arrow {
	const root = "it is what the others are told in terms of: it depends on none of them"
	return map[string]arrow{
		"shared/directory": {"", root},
		"shared/expr":      {"", root},
		"shared/exchange":  {"", root},
		"shared/life":      {"", root},
		"shared/blob":      {"", root},
		"shared/columns":   {"", root},
		"shared/checklist": {"shared/columns", "it prints what others have looked at: both halves use it"},
		"shared/terminal":  {"shared/columns", "it says what is printed to: what is printed is not its business"},
		"shared/version":   {"", "every program says which it is"},
		"shared/textfile":  {"", "files of both halves are read with it"},
		"shared/yamlfile":  {"shared/textfile", "it reads settings, and knows nobody's"},
		"shared/signin":    {"", "the agent signs in too, and must not link what the cloud half needs"},

		"shared/preflight": {"shared/checklist shared/directory shared/exchange", "it judges what others have found, for a person: neither the wire nor the rules are its business"},

		"shared/plan":     {"shared/directory shared/life", "a plan is plain data: it does not know where wishes come from, nor how they are carried out"},
		"shared/record":   {"shared/directory shared/life shared/plan", "a record is plain data with its own arithmetic: what becomes of it is decided elsewhere"},
		"shared/decision": {"shared/directory shared/exchange shared/life shared/plan shared/record", "what decides is handed all that it decides from: the rules' wish too"},
		"shared/rules":    {"shared/directory shared/exchange shared/expr shared/life shared/plan", "rules turn what Entra ID says into what Active Directory should hold, and know nothing else"},
		"shared/journal":  {"shared/blob shared/checklist shared/directory shared/exchange shared/life shared/plan shared/record", "the journal keeps a protocol and decides nothing: neither rules nor Graph belong into it"},
		"shared/graph":    {"shared/directory", "Graph's pages become directory's types: what is made of them is not the client's business"},
		"shared/cycle":    {"shared/decision shared/directory shared/exchange shared/explain shared/journal shared/life shared/plan shared/preflight shared/record shared/rules", "a turn is handed its source (cycle.Source): the Graph client stays outside"},
		"shared/relay":    {"shared/directory shared/exchange shared/journal shared/plan", "the wire carries the journal's messages and knows neither Graph nor LDAP"},
		"shared/ad":       {"shared/directory shared/exchange shared/plan", "the LDAP side carries out changes: it decides nothing and knows no journal"},
		"shared/status":   {"shared/checklist shared/decision shared/directory shared/exchange shared/explain shared/journal shared/life shared/plan shared/record", "status reads the journal, and what it does not say nobody knows"},
		"shared/explain":  {"shared/decision shared/directory shared/life shared/plan shared/record shared/rules", "explaining looks at what was decided, and decides nothing: it reads no journal"},
		"shared/report":   {"shared/ad shared/checklist shared/directory shared/exchange shared/plan shared/preflight shared/relay", "it puts what is in a directory into the relay's words, and writes nothing: the agent and the pilot see alike"},
		"shared/show":     {"shared/checklist shared/columns shared/cycle shared/directory shared/plan shared/record shared/rules shared/status", "it turns into text what others have found: it asks nobody anything"},

		"shared/rules/cloudsync": {"shared/directory shared/expr shared/plan shared/rules", "it writes a rules file, and asks rules whether it is one: nobody is written to, and Graph is not asked"},

		"shared/blob/azblob": {"shared/blob", "a driver knows its contract only"},
		"shared/blob/s3":     {"shared/blob", "a driver knows its contract only"},

		"functions/internal/app": {"docs shared/directory shared/exchange shared/explain shared/blob shared/blob/azblob shared/blob/s3 shared/checklist shared/cycle shared/graph shared/journal shared/life shared/plan shared/preflight shared/record shared/relay shared/rules shared/rules/cloudsync shared/signin shared/status shared/terminal shared/textfile shared/version",
			"the cloud half speaks no LDAP: only the agent does"},
		"cli":              {"shared/checklist shared/columns shared/cycle shared/directory shared/explain shared/plan shared/record shared/rules shared/rules/cloudsync shared/show shared/signin shared/status shared/terminal shared/textfile shared/version shared/yamlfile", "it asks the API, in the API's words: it links neither LDAP nor storage"},
		"docs":             {"", "it holds files, and nothing else"},
		"functions/azure":  {"functions/internal/app", "a host's main package is thin: what it needs is wired in app"},
		"functions/lambda": {"functions/internal/app", "a host's main package is thin: what it needs is wired in app"},

		"pilot": {"shared/ad shared/blob shared/checklist shared/columns shared/cycle shared/directory shared/graph shared/journal shared/preflight shared/relay shared/report shared/rules shared/show shared/signin shared/status shared/terminal shared/textfile shared/version",
			"it has both halves in one process, to look: it needs no policy and no door, for nothing is applied and nobody calls"},

		"agent": {"shared/ad shared/checklist shared/columns shared/directory shared/exchange shared/plan shared/preflight shared/relay shared/report shared/signin shared/terminal shared/textfile shared/version shared/yamlfile", "the agent stands inside the network: it knows neither Graph nor storage, only the relay"},
	}
}

// isEquipment says whether a package exists for tests and the demo. It may
// import anything; nothing of the product may import it.
func isEquipment(name string) bool {
	return strings.HasPrefix(name, "infra/") || name == "functions/internal/faultyhandler" ||
		slices.Contains([]string{"shared/ad/adtest", "shared/blob/blobtest", "shared/graph/graphtest", "shared/journal/journaltest", "shared/terminal/terminaltest"}, name)
}

// pure are the packages that compute and do nothing else; they take no context,
// read no clock, log nothing and do no I/O.
func pure() []string {
	return []string{"shared/columns", "shared/decision", "shared/directory", "shared/exchange", "shared/explain", "shared/expr", "shared/plan", "shared/preflight", "shared/record", "shared/rules", "shared/rules/cloudsync", "shared/show"}
}

// clocks are the words of package time that read a clock or wait: times come in as
// values.
func clocks() []string {
	return []string{"After", "AfterFunc", "NewTicker", "NewTimer", "Now", "Since", "Sleep", "Tick", "Until"}
}

// impure are packages of the standard library, each with all below it, that a
// pure package has no use for.
func impure() []string {
	return []string{"context", "crypto/rand", "database", "embed", "flag", "io/fs", "io/ioutil", "log", "math/rand", "net", "os", "plugin", "runtime", "sync", "syscall", "testing", "unsafe"}
}

// A goPackage is what go list says of a package.
type goPackage struct {
	ImportPath     string
	Dir, Doc       string
	GoFiles        []string
	IgnoredGoFiles []string
	Imports        []string
}

// name is the package's folder in the project.
func (p goPackage) name() string { return strings.TrimPrefix(p.ImportPath, module) }

// list runs go list for an operating system.
func list(t *testing.T, system string, args ...string) (packages []goPackage) {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Dir,Doc,GoFiles,IgnoredGoFiles,Imports"}, args...)...)
	cmd.Env = append(os.Environ(), "GOOS="+system, "CGO_ENABLED=0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %v: %v\n%s", args, err, &stderr)
	}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

// ours are all packages that have code besides tests, as an operating system
// sees them.
func ours(t *testing.T, system string) []goPackage {
	t.Helper()
	all := slices.DeleteFunc(list(t, system, "./..."), func(p goPackage) bool { return len(p.GoFiles) == 0 })
	if len(all) < 15 {
		t.Fatalf("go list finds only %d packages: this test looks in the wrong place", len(all))
	}
	return all
}

// TestArrows holds the imports of every package to the architecture. What tests
// import is free.
func TestArrows(t *testing.T) {
	allowed := arrows()
	for _, system := range []string{"linux", "windows"} {
		for _, p := range ours(t, system) {
			if isEquipment(p.name()) {
				continue
			}
			a, known := allowed[p.name()]
			if !known {
				t.Errorf("%s has no row in arrows(): write down which packages of ours it may import, and why no others", p.name())
			}
			for _, imp := range p.Imports {
				to, own := strings.CutPrefix(imp, module)
				switch {
				case own && isEquipment(to):
					t.Errorf("%s imports %s: that is equipment for tests and the demo, which must not be part of the product", p.name(), to)
				case own && known && !slices.Contains(strings.Fields(a.to), to):
					t.Errorf("%s imports %s: %s", p.name(), to, a.why)
				case !own:
					foreign(t, p.name(), imp)
				}
			}
		}
	}
}

// foreign holds an import of somebody else's package to the architecture.
func foreign(t *testing.T, from, imp string) {
	t.Helper()
	if slices.Contains(pure(), from) && slices.ContainsFunc(impure(), func(bad string) bool { return within(imp, bad) }) {
		t.Errorf("%s imports %s: it is pure, so that the same inputs always give the same plan; time, randomness, I/O and logging enter at the edge, as values", from, imp)
	}
	mayKnowAzure := within(from, "functions") || slices.Contains([]string{"agent", "cli", "shared/blob/azblob", "shared/graph", "shared/signin"}, from)
	if !mayKnowAzure && (within(imp, "github.com/Azure") || within(imp, "github.com/AzureAD")) {
		t.Errorf("%s imports %s: a cloud SDK belongs to the edge (functions, agent, cli, shared/graph, shared/signin and storage drivers)", from, imp)
	}
	mayKnowAWS := within(from, "functions") || from == "shared/blob/s3"
	if !mayKnowAWS && within(imp, "github.com/aws") {
		t.Errorf("%s imports %s: a cloud SDK belongs to the edge (functions and storage drivers)", from, imp)
	}
}

// TestPureReadsNoClock holds what pure packages take of package time to its types.
func TestPureReadsNoClock(t *testing.T) {
	for _, p := range ours(t, "linux") {
		if !slices.Contains(pure(), p.name()) {
			continue
		}
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok {
					if x, ok := s.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clocks(), s.Sel.Name) {
						t.Errorf("%s/%s calls time.%s: it is pure, and takes the time as a value", p.name(), name, s.Sel.Name)
					}
				}
				return true
			})
		}
	}
}

// within reports whether a path is another one or below it.
func within(path, top string) bool { return path == top || strings.HasPrefix(path, top+"/") }

// TestArrowsAreUsed keeps the table true: a row lists packages of ours only.
func TestArrowsAreUsed(t *testing.T) {
	rows := arrows()
	for from, a := range rows {
		if a.why == "" {
			t.Errorf("%s: say why it may import no more", from)
		}
		for _, to := range strings.Fields(a.to) {
			if _, ok := rows[to]; !ok {
				t.Errorf("%s may import %s, which has no row of its own", from, to)
			}
		}
	}
	for _, p := range pure() {
		if _, ok := rows[p]; !ok {
			t.Errorf("%s is called pure and has no row", p)
		}
	}
}

// TestGraphModelsAreNotLinked: one import of them costs gigabytes of memory and
// minutes to compile, and tens of megabytes of binary.
func TestGraphModelsAreNotLinked(t *testing.T) {
	const models = "github.com/microsoftgraph/msgraph-sdk-go/models"
	for _, p := range list(t, "linux", "-deps", "./...") {
		if slices.Contains(p.Imports, models) {
			t.Errorf("%s imports %s: decode into package directory's own types", p.ImportPath, models)
		}
	}
}

// TestAgentStaysSmall: the agent runs inside the network with rights on Active
// Directory. What it does not link cannot be turned against it.
func TestAgentStaysSmall(t *testing.T) {
	forbidden := map[string]string{
		module + "shared/graph":       "the agent never talks to Graph",
		module + "shared/cycle":       "planning is the cloud half's business",
		module + "shared/rules":       "planning is the cloud half's business",
		module + "shared/blob/azblob": "the agent has no access to the storage: it asks the relay",
		module + "shared/blob/s3":     "the agent has no access to the storage: it asks the relay",
		module + "functions":          "the agent is no function",
		"github.com/microsoftgraph":   "the agent never talks to Graph",
		"github.com/microsoft/kiota":  "it comes with the Graph SDK only",
		"github.com/aws":              "azidentity is the one cloud SDK that the agent needs",
		azureSDK + "storage":          "the agent has no access to the storage: it asks the relay",
	}
	for _, system := range []string{"linux", "windows"} {
		for _, p := range list(t, system, "-deps", "./agent") {
			for bad, why := range forbidden {
				if within(p.ImportPath, bad) {
					t.Errorf("the agent links %s on %s: %s", p.ImportPath, system, why)
				}
			}
		}
	}
}

const azureSDK = "github.com/Azure/azure-sdk-for-go/sdk/"

// TestPackagesAreExplained: each package says what it is.
func TestPackagesAreExplained(t *testing.T) {
	for _, p := range ours(t, "linux") {
		if p.Doc == "" {
			t.Errorf("%s has no package comment: say what it is, what it is not, and what it keeps true", p.name())
		}
	}
}

// maxLines of a file: more is a file about two subjects.
const maxLines = 450

// TestFilesAreShort counts the lines of all files but tests, those of other
// operating systems too.
func TestFilesAreShort(t *testing.T) {
	for _, p := range ours(t, "linux") {
		for _, file := range slices.Concat(p.GoFiles, p.IgnoredGoFiles) {
			data, err := os.ReadFile(filepath.Join(p.Dir, file))
			if err != nil {
				t.Fatal(err)
			}
			if n := bytes.Count(data, []byte("\n")); n > maxLines && !strings.HasSuffix(file, "_test.go") {
				t.Errorf("%s/%s has %d lines, more than %d: it is probably about two subjects; make a file of each", p.name(), file, n, maxLines)
			}
		}
	}
}
