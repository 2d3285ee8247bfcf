//! A page as it is read.

use std::fmt::Write as _;

/// One thing of a page that concerns the test, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// Something happens that is not the operator's doing.
    Event(String),
    /// Commands that are run one after the other.
    Block(Block),
}

/// The commands between two fences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// Whether what they say may take its time to become true.
    pub(crate) soon: bool,
    pub(crate) steps: Vec<Step>,
    /// The lines between the fences, counted from 0: the first, and the one after the last.
    pub(crate) lines: (usize, usize),
}

/// A command and everything that it prints, without the last newline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) command: String,
    pub(crate) output: String,
}

/// Reads a page.
pub(crate) fn parse(text: &str) -> Result<Vec<Item>, String> {
    let mut items = Vec::new();
    let mut soon = false;
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if let Some(name) = line
            .strip_prefix("<!-- test: ")
            .and_then(|rest| rest.strip_suffix(" -->"))
        {
            match name {
                "soon" => soon = true,
                name => items.push(Item::Event(name.to_owned())),
            }
        } else if let Some(mark) = line.strip_prefix("```") {
            let mut inside = Vec::new();
            let end = loop {
                match lines.next() {
                    Some((end, "```")) => break end,
                    Some((_, line)) => inside.push(line),
                    None => return Err(format!("line {}: the block has no end", number + 1)),
                }
            };
            if mark == "console" {
                items.push(Item::Block(Block {
                    soon: std::mem::take(&mut soon),
                    steps: steps(&inside, number + 2)?,
                    lines: (number + 1, end),
                }));
            }
        }
    }
    if soon {
        return Err("nothing follows the last `soon`".to_owned());
    }
    Ok(items)
}

/// `first` is the number of the first line, counted from 1.
fn steps(lines: &[&str], first: usize) -> Result<Vec<Step>, String> {
    let mut steps: Vec<(String, Vec<&str>)> = Vec::new();
    for (n, line) in lines.iter().enumerate() {
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push((command.to_owned(), Vec::new()));
        } else if let Some((_, output)) = steps.last_mut() {
            output.push(line);
        } else {
            return Err(format!("line {}: no command before it", first + n));
        }
    }
    if steps.is_empty() {
        return Err(format!("line {first}: a block without a command"));
    }
    let step = |(command, output): (String, Vec<&str>)| Step {
        command,
        output: output.join("\n").trim_end().to_owned(),
    };
    Ok(steps.into_iter().map(step).collect())
}

/// `text` with other contents of its blocks.
pub(crate) fn rewrite(text: &str, blocks: &[Block]) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut out = String::new();
    let mut next = 0;
    let mut push = |line: &str| writeln!(out, "{line}").expect("writing to a String cannot fail");
    for block in blocks {
        let (first, end) = block.lines;
        lines[next..first].iter().for_each(|line| push(line));
        for (n, step) in block.steps.iter().enumerate() {
            if n > 0 && !block.steps[n - 1].output.is_empty() {
                push("");
            }
            push(&format!("$ {}", step.command));
            step.output.lines().for_each(&mut push);
        }
        next = end;
    }
    lines[next..].iter().for_each(|line| push(line));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# A\n\n<!-- test: falls -->\n```console\n$ a b\nsaid\n\nmore\n\n$ c\n```\ntext\n\
        ```json\n$ not a command\n```\n<!-- test: soon -->\n```console\n$ d\nx\n```\nend\n";

    #[test]
    fn a_page_is_events_and_blocks() {
        let step = |command: &str, output: &str| Step {
            command: command.to_owned(),
            output: output.to_owned(),
        };
        let items = parse(PAGE).expect("valid");
        let expected = [
            Item::Event("falls".to_owned()),
            Item::Block(Block {
                soon: false,
                steps: vec![step("a b", "said\n\nmore"), step("c", "")],
                lines: (4, 10),
            }),
            Item::Block(Block {
                soon: true,
                steps: vec![step("d", "x")],
                lines: (17, 19),
            }),
        ];
        assert_eq!(items, expected);
        for (bad, said) in [
            ("```console\n$ a\n", "line 1: the block has no end"),
            ("```console\n```\n", "line 2: a block without a command"),
            ("\n```console\na\n```\n", "line 3: no command before it"),
            ("<!-- test: soon -->\n", "nothing follows the last `soon`"),
        ] {
            assert_eq!(parse(bad), Err(said.to_owned()));
        }
    }

    #[test]
    fn what_was_printed_takes_the_place_of_what_stood_there() {
        let mut blocks: Vec<Block> = parse(PAGE)
            .expect("valid")
            .into_iter()
            .filter_map(|item| match item {
                Item::Block(block) => Some(block),
                Item::Event(_) => None,
            })
            .collect();
        assert_eq!(rewrite(PAGE, &blocks), PAGE);
        "1\n2".clone_into(&mut blocks[0].steps[1].output);
        assert_eq!(rewrite(PAGE, &blocks), PAGE.replace("$ c\n", "$ c\n1\n2\n"));
    }
}
