//! Message at the end of an exec or attach.

use serde_json::json;

/// Result of the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Well.
    Success,
    /// The process ended with another code than 0.
    Exit(i32),
    /// It could not be done, or not to its end.
    Failure(String),
}

/// Format of the end: version 4 of the protocol and later ones have an object of Kubernetes' API,
/// the older ones a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `metav1.Status` as JSON.
    Object,
    /// A sentence; nothing when all is well.
    Sentence,
}

impl End {
    /// The bytes for the error channel.
    pub fn text(&self, form: Form) -> Vec<u8> {
        match form {
            Form::Object => self.object().to_string().into_bytes(),
            Form::Sentence => self.sentence().into_bytes(),
        }
    }

    fn sentence(&self) -> String {
        match self {
            Self::Success => String::new(),
            Self::Exit(code) => format!("command terminated with exit code {code}"),
            Self::Failure(why) => why.clone(),
        }
    }

    fn object(&self) -> serde_json::Value {
        match self {
            Self::Success => json!({ "metadata": {}, "status": "Success" }),
            Self::Exit(code) => json!({
                "metadata": {}, "status": "Failure", "message": self.sentence(), "reason": "NonZeroExitCode",
                "details": { "causes": [{ "reason": "ExitCode", "message": code.to_string() }] },
            }),
            Self::Failure(why) => json!({
                "metadata": {}, "status": "Failure", "message": format!("Internal error occurred: {why}"),
                "reason": "InternalError", "details": { "causes": [{ "message": why }] }, "code": 500,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_find_the_exit_code_where_they_look_for_it() {
        let object = End::Exit(7).object();
        assert_eq!((&object["status"], &object["reason"]), (&json!("Failure"), &json!("NonZeroExitCode")));
        assert_eq!(object["details"]["causes"][0], json!({ "reason": "ExitCode", "message": "7" }));
        assert_eq!(End::Success.object()["status"], "Success");
        assert_eq!(End::Failure("no such file".into()).object()["code"], 500);
        assert!(End::Success.text(Form::Sentence).is_empty());
        assert_eq!(End::Exit(7).text(Form::Sentence), b"command terminated with exit code 7");
    }
}
