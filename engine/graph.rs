//! The step DAG: cycles and ready set. Generic and pure; it knows nothing of steps.

/// A directed graph over `0..len`, whose edges say "needs".
///
/// Invariant: every edge names existing nodes; no edge is stored twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    needs: Vec<Vec<usize>>,
}

impl Graph {
    /// A graph of `len` nodes without edges.
    pub fn new(len: usize) -> Self {
        Self { needs: vec![Vec::new(); len] }
    }

    /// Records that `node` needs `other` to be over first. Nodes outside the graph are ignored.
    pub fn need(&mut self, node: usize, other: usize) {
        if node < self.needs.len() && other < self.needs.len() && !self.needs[node].contains(&other) {
            self.needs[node].push(other);
        }
    }

    /// What `node` needs.
    pub fn needs(&self, node: usize) -> &[usize] {
        self.needs.get(node).map_or(&[], Vec::as_slice)
    }

    /// Whether all that `node` needs is over.
    pub fn is_ready(&self, node: usize, is_over: impl Fn(usize) -> bool) -> bool {
        self.needs(node).iter().all(|&other| is_over(other))
    }

    /// A cycle, if there is one: nodes in the order in which each needs the next, the first one
    /// being the smallest. Linear in nodes and edges; does not recurse.
    pub fn cycle(&self) -> Option<Vec<usize>> {
        #[derive(Clone, Copy, PartialEq)]
        enum Mark {
            New,
            Open,
            Closed,
        }
        let mut marks = vec![Mark::New; self.needs.len()];
        for root in 0..self.needs.len() {
            if marks[root] != Mark::New {
                continue;
            }
            let mut path = vec![(root, 0)];
            marks[root] = Mark::Open;
            while let Some((node, next)) = path.last_mut() {
                let Some(&other) = self.needs[*node].get(*next) else {
                    marks[*node] = Mark::Closed;
                    path.pop();
                    continue;
                };
                *next += 1;
                match marks[other] {
                    Mark::New => {
                        marks[other] = Mark::Open;
                        path.push((other, 0));
                    }
                    Mark::Open => {
                        let nodes: Vec<usize> = path.iter().map(|&(node, _)| node).collect();
                        let start = nodes.iter().position(|&node| node == other)?;
                        let mut cycle = nodes[start..].to_vec();
                        let smallest = cycle.iter().enumerate().min_by_key(|&(_, node)| node)?.0;
                        cycle.rotate_left(smallest);
                        return Some(cycle);
                    }
                    Mark::Closed => {}
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(len: usize, edges: &[(usize, usize)]) -> Graph {
        let mut graph = Graph::new(len);
        for &(node, other) in edges {
            graph.need(node, other);
        }
        graph
    }

    #[test]
    fn cycles_are_found_and_named_from_the_smallest() {
        for (edges, cycle) in [
            (&[(1, 0), (2, 1)][..], None),
            (&[(0, 0)], Some(vec![0])),
            (&[(2, 1), (1, 2)], Some(vec![1, 2])),
            (&[(0, 1), (3, 2), (2, 1), (1, 3)], Some(vec![1, 3, 2])),
            (&[(0, 1), (0, 2), (1, 3), (2, 3)], None),
        ] {
            assert_eq!(graph(4, edges).cycle(), cycle, "{edges:?}");
        }
    }

    #[test]
    fn a_node_is_ready_when_all_it_needs_is_over() {
        let graph = graph(3, &[(2, 0), (2, 1), (2, 1), (9, 0)]);
        assert_eq!(graph.needs(2), [0, 1]);
        assert!(graph.is_ready(0, |_| false));
        assert!(!graph.is_ready(2, |node| node == 0));
        assert!(graph.is_ready(2, |_| true));
    }

    #[test]
    fn a_long_chain_does_not_recurse() {
        let mut graph = Graph::new(200_000);
        for node in 1..200_000 {
            graph.need(node, node - 1);
        }
        assert_eq!(graph.cycle(), None);
        graph.need(0, 199_999);
        assert_eq!(graph.cycle().map(|cycle| cycle.len()), Some(200_000));
    }
}
