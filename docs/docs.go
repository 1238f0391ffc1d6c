// Package docs holds what of the documentation is served.
package docs

import _ "embed"

// OpenAPI describes the operators' API in OpenAPI 3.1, in YAML.
//
//go:embed openapi.yaml
var OpenAPI []byte
