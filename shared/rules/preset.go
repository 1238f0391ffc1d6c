package rules

import (
	"maps"
	"slices"

	"github.com/goccy/go-yaml"
)

// presets are rules files without ou and scope: what a file that names one does not say
// is as there. docs/rules.md lists how each differs from the product it stands for.
func presets() map[string]string {
	return map[string]string{
		"cloud-sync": `
kinds: {security: security}
`,
		"connect-v1": `
kinds: {microsoft365: distribution}
attributes:
  cn: Append("Group_",[objectId])
`,
		"connect-v2": `
kinds: {security: security, microsoft365: distribution}
writeback_configuration: {honour: true}
mail: none
`,
	}
}

// preset reads what a preset says, before the file says more.
func (p *reader) preset(v any) {
	var name string
	word(p, "preset", v, &name, slices.Sorted(maps.Keys(presets())))
	if name == "" {
		return
	}
	var settings map[string]any
	if err := yaml.Unmarshal([]byte(presets()[name]), &settings); err != nil {
		panic("rules: a preset is no YAML: " + err.Error())
	}
	p.mapping("", settings, []key{{"kinds", p.kinds}, {"writeback_configuration", p.writeback}, {"attributes", p.attributes}, {"members", p.members}, {"mail", p.mail}}, "setting")
}
