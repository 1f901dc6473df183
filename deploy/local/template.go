package local

import (
	"fmt"
	"strings"
	"text/template"
)

// writeTemplate fills a configuration file in and writes it.
func writeTemplate(path, text string, values any) error {
	t, err := template.New(path).Option("missingkey=error").Parse(text)
	if err != nil {
		return fmt.Errorf("read the template of %s: %w", path, err)
	}
	var body strings.Builder
	if err := t.Execute(&body, values); err != nil {
		return fmt.Errorf("fill in %s: %w", path, err)
	}
	return replaceFile(path, []byte(body.String()))
}
