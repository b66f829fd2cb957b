//! The builtin `trap`: brush's own, told commands that `eval.rs` rewrites once they are run.

use brush_builtins::{BuiltinSet, default_builtins};
use brush_core::builtins::BoxFuture;
use brush_core::{CommandArg, Error, ErrorKind, ExecutionContext, ExecutionResult, ShellExtensions};

use crate::eval::rewritten;
use crate::words::{EVAL, quote};

/// The builtin.
pub fn trap<SE: ShellExtensions>(
    context: ExecutionContext<'_, SE>,
    mut args: Vec<CommandArg>,
) -> BoxFuture<'_, Result<ExecutionResult, Error>> {
    Box::pin(async move {
        let at = args.iter().skip(1).position(|arg| arg.to_string() != "--").map_or(0, |at| at + 1);
        // One word alone names a signal.
        if let (Some(arg), true) = (args.get_mut(at), at > 0) {
            let text = arg.to_string();
            if rewritten(context.shell, &text).is_some() {
                *arg = CommandArg::String(format!("{EVAL} {}", quote(&text)));
            }
        }
        let own = default_builtins::<SE>(BuiltinSet::BashMode).remove("trap");
        match own {
            Some(own) => (own.execute_func)(context, args).await,
            None => Err(ErrorKind::InternalError("brush has no `trap`".into()).into()),
        }
    })
}
