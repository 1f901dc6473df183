package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/urfave/cli/v3"

	"tajdeed/cmd/command"
	"tajdeed/dashboards/policies"
	"tajdeed/schema"
	"tajdeed/schema/policy"
)

func policyCommand() *cli.Command {
	return &cli.Command{
		Name:     "policy",
		Category: categoryAsk,
		Usage:    "show, compare and check the rules that decide, and say which are implemented",
		Description: `The rules of residency are data: a JSON file for each epoch, whose every value names its
rule, its sources and how sure it is. Nothing here asks a server.

   tajdeed policy show --at 2026-01-01 --article 22
   tajdeed policy diff 957-2019@3 2249-2025@3
   tajdeed policy check ./policies
   tajdeed policy coverage`,
		Commands: []*cli.Command{policyShowCommand(), policyDiffCommand(), policyCheckCommand(), policyCoverageCommand()},
	}
}

func policyShowCommand() *cli.Command {
	return &cli.Command{
		Name:  "show",
		Usage: "print the policy in force on a day, with the rule and the sources of each value",
		Description: `Prints the version with its digest, as decisions name it, what it is based on, its days, and
every value with its rule, its sources, how sure it is and what is said of it.

   tajdeed policy show
   tajdeed policy show --at 2025-12-22 --article 18
   tajdeed policy show --policy ./policies --json | jq '.values[] | select(.confidence == "assumed")'

A day before the first policy is an error, and so is an article that the policy does not
renew. In JSON, values are written as in the policy's file: fees in fils, limits in months.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "at", Usage: "the policy in force on `DAY`, written 2026-01-01", DefaultText: "today in Kuwait", Category: flagsAsked},
			&cli.IntFlag{Name: "article", Usage: "what bears on renewals under the article `N` only", DefaultText: "all", Category: flagsAsked},
			command.PolicyFlag(),
			policyJSONFlag(),
		},
		Before: command.NoArguments,
		Action: runPolicyShow,
	}
}

func policyJSONFlag() cli.Flag {
	return &cli.BoolFlag{Name: "json", Usage: "print one JSON object", Category: flagsAsked}
}

func runPolicyShow(_ context.Context, c *cli.Command) error {
	day, article, err := readShown(c, time.Now())
	if err != nil {
		return command.UsageError(c, err)
	}
	set, err := command.Policies(c)
	if err != nil {
		return err
	}
	shown, err := policies.Show(set, day, article)
	if err != nil {
		return fmt.Errorf("--%w", err)
	}
	return printed(c, shown)
}

// readShown reads the day and the article that are asked for.
func readShown(c *cli.Command, now time.Time) (day schema.Date, article schema.Article, err error) {
	day = schema.DateOf(now)
	if c.IsSet("at") {
		if day, err = schema.ParseDate(c.String("at")); err != nil {
			return 0, 0, fmt.Errorf("--at %q: %w", c.String("at"), err)
		}
	}
	if n := c.Int("article"); c.IsSet("article") && (n < 1 || n > maxArticle) {
		return 0, 0, fmt.Errorf("--article %d: a number from 1 to %d", n, maxArticle)
	}
	return day, schema.Article(c.Int("article")), nil
}

// maxArticle is the largest number that an article can have.
const maxArticle = 1<<8 - 1

// printable is what a subcommand prints in the form that --json asks for.
type printable interface {
	Text() string
	WriteJSON(out io.Writer) error
}

func printed(c *cli.Command, r printable) error {
	if c.Bool("json") {
		return r.WriteJSON(c.Root().Writer)
	}
	_, err := io.WriteString(c.Root().Writer, r.Text())
	return err
}

func policyDiffCommand() *cli.Command {
	return &cli.Command{
		Name:      "diff",
		Usage:     "print what differs between two policies",
		ArgsUsage: "A B",
		Description: `A and B are each a version, with or without its digest; a day, for the policy in force on
it; or a directory. Two directories are compared epoch by epoch if one of them holds
several; otherwise a directory stands for its only policy, or for the one in force today.

   tajdeed policy diff 957-2019@3 2249-2025@3
   tajdeed policy diff 2025-12-22 2025-12-23
   tajdeed policy diff ./policies ./policies-new --json

A value is known by what it means: a fee by its conditions and not by its line. What was
added, removed or changed is printed with both values and the rule, then the values that are
the same by another rule or on other sources. Whether or not they differ, the exit code is 0.`,
		Flags:  []cli.Flag{command.PolicyFlag(), policyJSONFlag()},
		Action: runPolicyDiff,
	}
}

func runPolicyDiff(_ context.Context, c *cli.Command) error {
	if c.Args().Len() != 2 {
		return command.UsageError(c, fmt.Errorf("%d arguments: give A and B", c.Args().Len()))
	}
	set, err := command.Policies(c)
	if err != nil {
		return err
	}
	a, err := operand(c, set, c.Args().Get(0))
	if err != nil {
		return err
	}
	b, err := operand(c, set, c.Args().Get(1))
	if err != nil {
		return err
	}
	diff, err := policies.CompareOperands(a, b, schema.DateOf(time.Now()))
	if err != nil {
		return err
	}
	return printed(c, diff)
}

// operand is the policy or the directory that an argument names. A version or a day that is
// also a directory's name is not the directory: ./2026-01-01 is.
func operand(c *cli.Command, set *policy.Set, name string) (policies.Operand, error) {
	p, err := policies.Find(set, name)
	_, notADay := schema.ParseDate(name)
	switch {
	case err == nil:
		return policies.Operand{Policy: p}, nil
	case notADay == nil:
		return policies.Operand{}, err
	case !isDirectory(name):
		return policies.Operand{}, command.UsageError(c, err)
	}
	directory, err := policy.Load(os.DirFS(name))
	if err != nil {
		return policies.Operand{}, cli.Exit(fmt.Sprintf("%s: %v", name, err), command.ExitRefused)
	}
	return policies.Operand{Directory: directory}, nil
}

func isDirectory(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

func policyCheckCommand() *cli.Command {
	return &cli.Command{
		Name:      "check",
		Usage:     "check a directory of policies before the stages are given it",
		ArgsUsage: "DIRECTORY",
		Description: `Reads the directory as the stages do with --policy: each *.json is in force from its first
day until the next one's, and archive/*.json are those that others took the place of.

   tajdeed policy check ./policies

Prints the versions, their days and "ok"; or all that is wrong, a line for each, by file,
line, value and rule, with exit code 3. A remark is about what may be a mistake and is
allowed: a fee that no case ever meets, or a last day that the next policy contradicts.`,
		Action: runPolicyCheck,
	}
}

func runPolicyCheck(_ context.Context, c *cli.Command) error {
	if c.Args().Len() != 1 {
		return command.UsageError(c, fmt.Errorf("%d arguments: give one directory", c.Args().Len()))
	}
	directory := c.Args().First()
	if !isDirectory(directory) {
		return command.UsageError(c, fmt.Errorf("%q is no directory", directory))
	}
	out := c.Root().Writer
	set, err := policy.Load(os.DirFS(directory))
	if err != nil {
		problems, n := policies.Problems(err)
		fmt.Fprint(out, problems)
		return cli.Exit(fmt.Sprintf("%s: problems: %d; a stage would refuse it", directory, n), command.ExitRefused)
	}
	_, err = io.WriteString(out, policies.Checked(set))
	return err
}

func policyCoverageCommand() *cli.Command {
	return &cli.Command{
		Name:  "coverage",
		Usage: "print which rules the service implements, and where",
		Description: `Prints every rule that schema/policy/SOURCES.md rests on an official body or the press
(A or B), with its state: implemented; elsewhere, which is not of this service but of another
agency or another transaction; or not_yet. An implemented rule names the function that does
it and the test case that shows it, and what an applicant is told who breaks it.

   tajdeed policy coverage
   tajdeed policy coverage --json | jq -r '.rules[] | select(.state == "not_yet") | .id'`,
		Flags:  []cli.Flag{policyJSONFlag()},
		Before: command.NoArguments,
		Action: runPolicyCoverage,
	}
}

func runPolicyCoverage(_ context.Context, c *cli.Command) error {
	coverage, err := policies.Cover()
	if err != nil {
		return err
	}
	return printed(c, coverage)
}
