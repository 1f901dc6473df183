package coverage

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tajdeed/schema"
)

// root is the repository's folder, seen from this package's.
const root = "../../.."

func table(t *testing.T) []Rule {
	t.Helper()
	all, err := Rules()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// known is a rule as SOURCES.md has it.
type known struct{ id, sure, program string }

// knownRules returns the rules of SOURCES.md that an official body (A) or the press (B) bears
// out, in its order.
func knownRules(t *testing.T) (all []known) {
	t.Helper()
	text, err := os.ReadFile("../SOURCES.md")
	if err != nil {
		t.Fatal(err)
	}
	var heading []string
	for line := range strings.SplitSeq(string(text), "\n") {
		inner, isRow := strings.CutPrefix(line, "| ")
		if !isRow {
			if !strings.HasPrefix(line, "|") {
				heading = nil
			}
			continue
		}
		cells := strings.Split(strings.TrimSuffix(inner, " |"), " | ")
		if heading == nil {
			heading = cells
			continue
		}
		sure, program := slices.Index(heading, "sure"), slices.Index(heading, "in the program")
		if heading[0] == "id" && sure >= 0 && (cells[sure] == "A" || cells[sure] == "B") {
			all = append(all, known{cells[0], cells[sure], cells[program]})
		}
	}
	if len(all) < 100 {
		t.Fatalf("only %d rules were read", len(all))
	}
	return all
}

// Every rule that SOURCES.md rests on A or B has its row here, in the same order, and no row is
// of anything else.
func TestTableHasTheRulesOfSources(t *testing.T) {
	t.Parallel()
	rules, sources := table(t), knownRules(t)
	var have, want []string
	for _, r := range rules {
		have = append(have, r.ID+" "+r.Confidence)
	}
	for _, k := range sources {
		want = append(want, k.id+" "+k.sure)
	}
	for _, id := range want {
		if !slices.Contains(have, id) {
			t.Errorf("%s of SOURCES.md has no row in coverage.json", id)
		}
	}
	for _, id := range have {
		if !slices.Contains(want, id) {
			t.Errorf("%s of coverage.json is no rule A or B of SOURCES.md", id)
		}
	}
	if !t.Failed() && !slices.Equal(have, want) {
		t.Error("the rows stand in another order than in SOURCES.md, or one stands twice")
	}
}

// The two tables do not contradict each other: what a policy decides by is implemented, and
// what nothing in the program uses is not.
func TestTableAgreesWithSources(t *testing.T) {
	t.Parallel()
	program := map[string]string{}
	for _, k := range knownRules(t) {
		program[k.id] = k.program
	}
	for _, r := range table(t) {
		if mark := program[r.ID]; mark == "policy" && r.State != Implemented || mark == "not yet" && r.State == Implemented {
			t.Errorf("%s is %s here and %q in the program by SOURCES.md", r.ID, r.State, mark)
		}
	}
}

// An implemented rule names a function and a case that exist; another says why it is not.
func TestRowsAreBorneOut(t *testing.T) {
	t.Parallel()
	for _, r := range table(t) {
		t.Run(r.ID, func(t *testing.T) {
			t.Parallel()
			for _, wrong := range faults(r) {
				t.Error(wrong)
			}
		})
	}
}

// faults are what is wrong with a row.
func faults(r Rule) (wrong []string) {
	if !slices.Contains(States(), r.State) {
		return []string{fmt.Sprintf("state %q", r.State)}
	}
	for _, code := range r.Reasons {
		if _, exists := schema.ParseReason(code); !exists {
			wrong = append(wrong, "no reason is called "+code)
		}
	}
	if r.State != Implemented {
		if r.Function != "" || r.Case != "" || len(r.Reasons) > 0 {
			wrong = append(wrong, "it is not implemented, and names a function, a case or a reason")
		}
		if r.Figure && r.State != Elsewhere {
			wrong = append(wrong, "a figure is nothing to implement")
		}
		if r.Remark == "" {
			wrong = append(wrong, "nothing says why it is not implemented")
		}
		return wrong
	}
	if err := functionExists(r.Function); err != nil {
		wrong = append(wrong, err.Error())
	}
	if err := caseExists(r.Case); err != nil {
		wrong = append(wrong, err.Error())
	}
	return wrong
}

// functionExists looks for a function in the package that its name begins with.
func functionExists(name string) error {
	folder, function, named := cutPackage(name)
	if !named {
		return fmt.Errorf("%q names no function of a package", name)
	}
	files, err := parsed(folder, false)
	if err != nil {
		return err
	}
	for _, file := range files {
		if declares(file, function) {
			return nil
		}
	}
	return fmt.Errorf("%s has no function %s", folder, function)
}

// caseExists looks for a test, and in its file for a text that is the case's name.
func caseExists(name string) error {
	folder, test, named := cutPackage(name)
	if !named {
		return fmt.Errorf("%q names no test of a package", name)
	}
	test, subtest, hasCase := strings.Cut(test, "/")
	files, err := parsed(folder, true)
	if err != nil {
		return err
	}
	for _, file := range files {
		if strings.HasPrefix(test, "Test") && declares(file, test) && (!hasCase || holds(file, subtest)) {
			return nil
		}
	}
	return fmt.Errorf("%s has no test %s with a case %q", folder, test, subtest)
}

// cutPackage cuts a name behind its package, whose path has no dot.
func cutPackage(name string) (folder, inside string, named bool) {
	folder, inside, named = strings.Cut(name, ".")
	return folder, inside, named && folder != "" && inside != ""
}

// parsed returns the Go files of a package, or its tests.
func parsed(folder string, tests bool) (files []*ast.File, err error) {
	paths, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(folder), "*.go"))
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") != tests {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

// declares says whether a file declares a function, or a method written as Type.Method.
func declares(file *ast.File, name string) bool {
	for _, declaration := range file.Decls {
		function, is := declaration.(*ast.FuncDecl)
		if is && receiver(function)+function.Name.Name == name {
			return true
		}
	}
	return false
}

// receiver is the type of a method with a dot behind it, and nothing for a function.
func receiver(function *ast.FuncDecl) string {
	if function.Recv == nil {
		return ""
	}
	kind := function.Recv.List[0].Type
	if pointer, is := kind.(*ast.StarExpr); is {
		kind = pointer.X
	}
	if name, is := kind.(*ast.Ident); is {
		return name.Name + "."
	}
	return ""
}

// holds says whether a text stands in a file.
func holds(file *ast.File, text string) (found bool) {
	ast.Inspect(file, func(n ast.Node) bool {
		if literal, is := n.(*ast.BasicLit); is && literal.Kind == token.STRING {
			value, err := strconv.Unquote(literal.Value)
			found = found || err == nil && value == text
		}
		return !found
	})
	return found
}

// What the tests above must find, they find.
func TestFaultsAreFound(t *testing.T) {
	t.Parallel()
	sound := Rule{
		ID: "FEE-17", Confidence: "B", State: Implemented,
		Function: "schema/policy.Policy.Fee", Case: "schema/policy.TestFeePerYear/FEE-17", Reasons: []string{"fee_mismatch"},
	}
	for _, c := range []struct {
		name   string
		change func(*Rule)
		wrong  int
	}{
		{"sound", func(*Rule) {}, 0},
		{"a test without cases", func(r *Rule) { r.Case = "schema/policy.TestMaxMonths" }, 0},
		{"unknown state", func(r *Rule) { r.State = "partly" }, 1},
		{"no function", func(r *Rule) { r.Function = "" }, 1},
		{"function of another package", func(r *Rule) { r.Function = "schema.Policy.Fee" }, 1},
		{"method as a function", func(r *Rule) { r.Function = "schema/policy.Fee" }, 1},
		{"function of a test only", func(r *Rule) { r.Function = "schema/policy.TestFeePerYear" }, 1},
		{"no case", func(r *Rule) { r.Case = "" }, 1},
		{"unknown test", func(r *Rule) { r.Case = "schema/policy.TestFees/FEE-17" }, 1},
		{"unknown case", func(r *Rule) { r.Case = "schema/policy.TestFeePerYear/FEE 18" }, 1},
		{"no test", func(r *Rule) { r.Case = "schema/policy.wantFee" }, 1},
		{"unknown reason", func(r *Rule) { r.Reasons = []string{"fee_wrong"} }, 1},
		{"not implemented, with a function and no remark", func(r *Rule) { r.State = NotYet }, 2},
		{"a figure that is to be implemented", func(r *Rule) { *r = Rule{State: NotYet, Figure: true, Remark: "Needed: more."} }, 1},
		{"elsewhere", func(r *Rule) { *r = Rule{State: Elsewhere, Remark: "A visa."} }, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := sound
			c.change(&r)
			if wrong := faults(r); len(wrong) != c.wrong {
				t.Errorf("%q, want %d", wrong, c.wrong)
			}
		})
	}
}
