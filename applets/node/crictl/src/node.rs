//! `crictl info` and `crictl version`: what the server says of itself and of the node.

use std::io::Write;

use kit::{Context, Exit, Result};
use serde_json::{Map, Value, json};

use super::{Server, ask, told};
use cri_api::{StatusRequest, VersionRequest};

pub fn info(server: &Server) -> Result<Exit> {
    ask(async {
        let mut runtime = server.connect().await?;
        let answer = runtime.status(StatusRequest { verbose: true }).await.map_err(told)?.into_inner();
        let conditions = answer.status.unwrap_or_default().conditions;
        let conditions: Vec<Value> = conditions
            .iter()
            .map(|one| json!({ "type": one.r#type, "status": one.status, "reason": one.reason, "message": one.message }))
            .collect();
        let mut all = Map::from_iter([("status".to_owned(), json!({ "conditions": conditions }))]);
        all.extend(answer.info.into_iter().map(|(name, text)| {
            let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
            (name, value)
        }));
        write(&format!("{:#}\n", Value::Object(all)))
    })
}

pub fn version(server: &Server) -> Result<Exit> {
    ask(async {
        let mut runtime = server.connect().await?;
        let told = runtime.version(VersionRequest::default()).await.map_err(told)?.into_inner();
        write(&format!(
            "Version:  {}\nRuntimeName:  {}\nRuntimeVersion:  {}\nRuntimeApiVersion:  {}\n",
            told.version, told.runtime_name, told.runtime_version, told.runtime_api_version
        ))
    })
}

fn write(text: &str) -> Result<Exit> {
    let mut out = kit::out();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).doing("write the answer")?;
    Ok(Exit::OK)
}
